// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
)

func TestVerbosity(t *testing.T) {
	want := map[Level]int{Error: 0, Warn: 0, Info: 0, Debug: 2, Trace: 4, "": 0}
	for level, verbosity := range want {
		if got := level.Verbosity(); got != verbosity {
			t.Errorf("the verbosity of %q is %d, want %d", level, got, verbosity)
		}
	}
	for verbosity, level := range map[int]Level{-1: Info, 0: Info, 1: Info, 2: Debug, 3: Debug, 4: Trace, 9: Trace} {
		if got := LevelOf(verbosity); got != level {
			t.Errorf("verbosity %d is level %s, want %s", verbosity, got, level)
		}
	}
	if len(Levels()) != len(want)-1 {
		t.Errorf("the levels are %q", Levels())
	}
}

func TestHandler(t *testing.T) {
	for _, format := range append(Formats(), "") {
		for i, level := range Levels() {
			var out bytes.Buffer
			log := slog.New(Options{Level: Level(level), Format: format}.Handler(&out))
			for j, each := range Levels() {
				out.Reset()
				log.Log(t.Context(), Level(each).slog(), "text", "key", 1)
				if (out.Len() > 0) != (j <= i) {
					t.Errorf("%s as %q: a message of level %s is %q", level, format, each, out.String())
				}
				if out.Len() == 0 || format != JSON {
					continue
				}
				var line struct{ Level, Msg string }
				if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Level != each || line.Msg != "text" {
					t.Errorf("%s is logged as %s: %v", each, out.String(), err)
				}
			}
		}
	}
}

// TestApply changes the loggers of this process, so it does it in one order.
func TestApply(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() {
		slog.SetDefault(before)
		klog.ClearLogger()
		logrus.SetOutput(os.Stderr)
		if err := (Options{}).Apply(io.Discard); err != nil {
			t.Error(err)
		}
	})
	if err := (Options{Level: Debug}).Apply(io.Discard); err != nil {
		t.Fatal(err)
	}
	if !klog.V(2).Enabled() || klog.V(3).Enabled() || !slog.Default().Enabled(t.Context(), slog.LevelDebug) {
		t.Error("the level is not debug everywhere")
	}
	var out bytes.Buffer
	if err := (Options{Level: Trace, Format: JSON}).Apply(&out); err != nil {
		t.Fatal(err)
	}
	klog.V(2).InfoS("from klog", "pid", 12, "after", time.Second)
	klog.V(4).InfoS("of klog's trace")
	klog.V(5).InfoS("beyond it")
	slog.Info("from slog")
	logrus.Warn("from logrus")
	klog.Errorf("as a line: %d] of it", 5)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 5 || !strings.Contains(lines[0], `"pid":12,"after":"1s"`) {
		t.Errorf("logged is %q", lines)
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, `"level":"error","msg":"as a line: 5] of it"`) {
		t.Errorf("a line of klog's is %s", last)
	}
	out.Reset()
	logLine(slog.Default(), &out, []byte("F1128 02:00:08.1 12 a.go:1] boom\n"))
	if out.String() != "F1128 02:00:08.1 12 a.go:1] boom\n" {
		t.Errorf("the last words are %q", out.String())
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("this is no JSON: %s", line)
		}
	}
}

// TestALevelReplacesTheOneBefore: a daemon's level is set in a process that has that of its flags.
func TestALevelReplacesTheOneBefore(t *testing.T) {
	stderr := os.Stderr
	t.Cleanup(func() {
		os.Stderr = stderr
		if err := (Options{}).Apply(io.Discard); err != nil {
			t.Error(err)
		}
	})
	for _, before := range Levels() {
		file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
		if err != nil {
			t.Fatal(err)
		}
		os.Stderr = file
		for _, level := range []Level{Level(before), Info} {
			if err := (Options{Level: level}).Apply(io.Discard); err != nil {
				t.Fatal(err)
			}
		}
		klog.InfoS("after " + before)
		klog.Flush()
		data, err := os.ReadFile(file.Name())
		if err := errors.Join(err, file.Close()); err != nil || !strings.Contains(string(data), "after "+before) {
			t.Errorf("at the level info after %s is logged %q: %v", before, data, err)
		}
	}
}
