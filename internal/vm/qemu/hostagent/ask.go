// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/sshx"
)

// maxAnswer is the longest answer accepted from a guest, in bytes.
const maxAnswer = 64 << 10

// ask runs a shell line in the guest and returns its output. When the connection breaks it runs the
// line again, so that must do no harm. An answer of more than maxAnswer is an error that wraps
// bounded.ErrTooLong.
func (a *agent) ask(ctx context.Context, m *machineProcess, line string) (out string, err error) {
	err = a.repeat(ctx, m, func() (ended bool, err error) {
		out, ended, err = a.output(ctx, m, line)
		return ended, err
	})
	return out, err
}

// repeat calls do, which runs something in the guest, until that has ended: a connection breaks
// when the guest is paused for some time. It returns the last error of do when ctx or the machine
// ends first.
func (a *agent) repeat(ctx context.Context, m *machineProcess, do func() (ended bool, err error)) error {
	for {
		ended, err := do()
		if ended {
			return err
		}
		a.Log.Warn("asking the guest", "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-m.ended:
			return err
		case <-time.After(probePause):
		}
	}
}

// askOnce runs a shell line in the guest and returns its output without the spaces around it. It
// does not repeat it.
func (a *agent) askOnce(ctx context.Context, m *machineProcess, line string) (string, error) {
	out, _, err := a.output(ctx, m, line)
	return strings.TrimSpace(out), err
}

// output runs a shell line in the guest and returns its standard output. ended is false when the
// connection broke: whether the line was run is not known then.
func (a *agent) output(ctx context.Context, m *machineProcess, line string) (out string, ended bool, err error) {
	limited, tooMuch := context.WithCancelCause(ctx)
	defer tooMuch(nil)
	text := &bounded.Buffer{Limit: maxAnswer}
	stderr := &bounded.Buffer{Limit: maxAnswer}
	text.Full = func() { tooMuch(text.Err()) }
	stderr.Full = func() { tooMuch(stderr.Err()) }
	code, err := a.run(limited, m, sshx.Command{Line: sshx.Clean(line), Stdout: text, Stderr: stderr})
	if cause := context.Cause(limited); errors.Is(cause, bounded.ErrTooLong) {
		return "", true, fmt.Errorf("the guest's answer is %w", cause)
	}
	ended = err == nil
	if ended && code != 0 {
		return "", true, fmt.Errorf("exit code %d: %s", code, bytes.TrimSpace(stderr.Bytes()))
	}
	if err != nil {
		return "", ended, err
	}
	return text.String(), true, nil
}

// run runs a command over the current connection to the guest, or a new one.
func (a *agent) run(ctx context.Context, m *machineProcess, c sshx.Command) (int, error) {
	client, err := m.link.Client(ctx)
	if err != nil {
		return 0, err
	}
	return sshx.Run(ctx, client, c)
}
