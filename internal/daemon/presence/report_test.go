// SPDX-License-Identifier: Apache-2.0

//go:build unix

package presence

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/version"
)

const reporterVariable = "RDD_TEST_REPORTER"

// TestReporterKeepsThePipe checks that the client gets the report of a daemon that has started
// another process before, which keeps running.
func TestReporterKeepsThePipe(t *testing.T) {
	if os.Getenv(reporterVariable) != "" {
		reportBesideAChild(t)
		return
	}
	reports, report, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reports.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestReporterKeepsThePipe$")
	cmd.Env, cmd.ExtraFiles = append(os.Environ(), reporterVariable+"=1"), []*os.File{report}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	if err := report.Close(); err != nil {
		t.Fatal(err)
	}
	if err := reports.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(reports); err != nil || string(said) != Ready {
		t.Errorf("the starter hears %q, %v", said, err)
	}
}

// reportBesideAChild is the daemon of the test. It ends with its input, and its child ends with it.
func reportBesideAChild(t *testing.T) {
	report := Reporter()
	child := exec.Command("cat")
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	report(Ready)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// TestKindOfAFailureIsReported checks that the client gets the text of a failure, and its kind.
func TestKindOfAFailureIsReported(t *testing.T) {
	for _, failure := range []error{errors.New("no room"), fmt.Errorf("starting: %w: v2", version.ErrNewerStore)} {
		reports, report, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := report.WriteString(Report(failure)); err != nil {
			t.Fatal(err)
		}
		if err := report.Close(); err != nil {
			t.Fatal(err)
		}
		got := AwaitReport(t.Context(), reports)
		if got == nil || got.Error() != failure.Error() || errors.Is(got, version.ErrNewerStore) != errors.Is(failure, version.ErrNewerStore) {
			t.Errorf("%v is reported as %v", failure, got)
		}
		if err := reports.Close(); err != nil {
			t.Error(err)
		}
	}
}
