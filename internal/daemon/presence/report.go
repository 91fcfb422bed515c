// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

const (
	// reportDescriptor is where a daemon started in the background writes its report.
	reportDescriptor = 3
	// Ready is the report of a daemon that is ready; any other report says why it failed.
	Ready = "ready"
)

// ErrNoReport says that the daemon ended without a report; its log may say why.
var ErrNoReport = errors.New("it ended without a word")

// ErrUnready says that the wait ended before the daemon was ready.
var ErrUnready = errors.New("the daemon is not ready yet and goes on starting")

// Reporter is how a daemon that was started in the background reports, once, to who started it:
// that it is Ready, or why it failed. What the daemon starts before does not get the pipe, for
// whose end the other side waits.
func Reporter() func(text string) {
	syscall.CloseOnExec(reportDescriptor)
	pipe := os.NewFile(reportDescriptor, "report")
	return func(text string) {
		// The starter may be gone, which is its business.
		_, _ = pipe.WriteString(text)
		_ = pipe.Close()
	}
}

// AwaitReport reads the report of a daemon, for whoever started it with the other end of the pipe
// as its first additional file. It returns nil when the daemon is ready, ErrUnready when ctx ends
// before, ErrNoReport when the daemon ended without a report, or an error with the daemon's own
// words.
func AwaitReport(ctx context.Context, reports *os.File) error {
	stop := context.AfterFunc(ctx, func() { _ = reports.SetReadDeadline(time.Now()) })
	defer stop()
	report, err := io.ReadAll(reports)
	switch {
	case ctx.Err() != nil:
		return ErrUnready
	case err != nil:
		return fmt.Errorf("reading its report: %w", err)
	case len(report) == 0:
		return ErrNoReport
	case string(report) != Ready:
		return errors.New(string(report))
	}
	return nil
}
