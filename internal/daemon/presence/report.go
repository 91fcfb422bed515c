// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"rancherdesktop.io/rdd/internal/version"
)

const (
	// reportDescriptor is the file descriptor to which a daemon in the background writes its
	// report.
	reportDescriptor = 3
	// Ready is the report of a daemon that is ready. Any other report is the error of a failed
	// start.
	Ready = "ready"
	// newerStore is the first line of the report of a failure that is version.ErrNewerStore.
	newerStore = "kind: newer store\n"
)

// ErrNoReport says that the daemon has exited without a report. Its log may have the reason.
var ErrNoReport = errors.New("it ended without a word")

// ErrUnready says that the caller's context ended before the daemon was ready. The daemon goes on
// starting.
var ErrUnready = errors.New("the daemon is not ready yet and goes on starting")

// Reporter returns the function by which a daemon in the background reports, once, to the client
// that has started it: Ready, or why it failed. Processes that the daemon starts do not inherit the
// pipe, because the client reads it until all writers have closed it.
func Reporter() func(text string) {
	syscall.CloseOnExec(reportDescriptor)
	pipe := os.NewFile(reportDescriptor, "report")
	return func(text string) {
		// The client may have exited, which is no concern of the daemon.
		_, _ = pipe.WriteString(text)
		_ = pipe.Close()
	}
}

// Report returns the report of a failed start.
func Report(failure error) string {
	if errors.Is(failure, version.ErrNewerStore) {
		return newerStore + failure.Error()
	}
	return failure.Error()
}

// reported is the failure of a daemon, as it was reported. cause is the error it wraps.
type reported struct {
	text  string
	cause error
}

// Error implements error.
func (r *reported) Error() string { return r.text }

// Unwrap returns the cause.
func (r *reported) Unwrap() error { return r.cause }

// AwaitReport reads the report of a daemon that was started with the other end of the pipe as its
// first additional file. It returns nil when the daemon is ready, ErrUnready when ctx ends before,
// and ErrNoReport when the daemon exits without a report. Otherwise the report is the error; it
// wraps version.ErrNewerStore if the daemon's did.
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
	case string(report) == Ready:
		return nil
	}
	if text, ok := strings.CutPrefix(string(report), newerStore); ok {
		return &reported{text: text, cause: version.ErrNewerStore}
	}
	return errors.New(string(report))
}
