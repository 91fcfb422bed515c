// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// runSandboxed runs a program of the build in the sandbox. When it fails, the error is
// an *image.StepError with the last lines of its output.
func (j *job) runSandboxed(ctx context.Context, doing string, output io.Writer, program string, args ...string) error {
	tail := &tailBuffer{limit: 2000}
	err := j.sandbox.run(ctx, j.path("tmp"), io.MultiWriter(output, tail), program, args...)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	if _, ended := process.ExitCode(err); !ended {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return &image.StepError{Doing: doing, Output: vm.RedactedURLs(tail.String()), Err: err}
}

// tailBuffer keeps the last whole lines of what is written to it, up to about limit bytes.
type tailBuffer struct {
	limit int
	data  []byte
}

// Write implements io.Writer; it never fails.
func (t *tailBuffer) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if over := len(t.data) - t.limit; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
		if end := bytes.IndexByte(t.data, '\n'); end >= 0 {
			t.data = append(t.data[:0], t.data[end+1:]...)
		}
	}
	return len(p), nil
}

func (t *tailBuffer) String() string { return strings.TrimSpace(string(t.data)) }
