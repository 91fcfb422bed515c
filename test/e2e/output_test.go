// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os/exec"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"
)

// command is an rdd command that was not started yet.
func (w *world) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	w.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, w.binary, args...)
	cmd.Env, cmd.Dir = w.environment(), w.home
	return cmd
}

// start starts an rdd command whose output can be waited for.
func (w *world) start(args ...string) (*exec.Cmd, *watched) {
	cmd, out := w.command(args...), newWatched()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, out
}

// watched is output that can be waited for.
type watched struct {
	mu      sync.Mutex
	data    []byte
	changed chan struct{}
}

func newWatched() *watched { return &watched{changed: make(chan struct{})} }

// Write implements io.Writer.
func (o *watched) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.data = append(o.data, data...)
	close(o.changed)
	o.changed = make(chan struct{})
	return len(data), nil
}

// snapshot returns the output so far, and a channel that is closed when more comes.
func (o *watched) snapshot() ([]byte, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.data), o.changed
}

// await returns when the output matches.
func (o *watched) await(t *testing.T, pattern string) {
	t.Helper()
	expression := regexp.MustCompile(pattern)
	deadline := time.After(waitTimeout)
	for {
		data, changed := o.snapshot()
		if expression.Match(data) {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%q never came; what came:\n%s", pattern, data)
		}
	}
}
