// SPDX-License-Identifier: Apache-2.0

// Package logging sets the level and the format of everything that a process of rdd logs: by
// log/slog, by klog as Kubernetes does, and by logrus as kine does.
//
// It changes the loggers of the whole process, so it is called once, by the command line. What each
// level means is in Level.
package logging

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/go-logr/logr"
	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
)

// Level is the least important level that is logged.
type Level string

// The levels.
const (
	Error Level = "error"
	Warn  Level = "warn"
	Info  Level = "info"
	Debug Level = "debug"
	Trace Level = "trace"
)

// Levels returns the names of all levels, the most important one first.
func Levels() []string {
	return []string{string(Error), string(Warn), string(Info), string(Debug), string(Trace)}
}

// Verbosity returns klog's verbosity (-v) for the level.
func (l Level) Verbosity() int {
	switch l {
	case Debug:
		return 2
	case Trace:
		return 4
	}
	return 0
}

// LevelOf returns the level for a verbosity of klog. It is Info at least: klog's verbosity silences
// nothing.
func LevelOf(verbosity int) Level {
	switch {
	case verbosity >= Trace.Verbosity():
		return Trace
	case verbosity >= Debug.Verbosity():
		return Debug
	}
	return Info
}

// levelTrace is Trace for log/slog, which has no such level.
const levelTrace = slog.LevelDebug - 4

func (l Level) slog() slog.Level {
	switch l {
	case Error:
		return slog.LevelError
	case Warn:
		return slog.LevelWarn
	case Debug:
		return slog.LevelDebug
	case Trace:
		return levelTrace
	}
	return slog.LevelInfo
}

// The formats.
const (
	Text = "text"
	JSON = "json"
)

// Formats returns the names of all formats.
func Formats() []string { return []string{Text, JSON} }

// Options say what a process logs, and how. Their zero value logs Info as Text.
type Options struct {
	Level  Level
	Format string
}

// Handler returns a handler that writes to w.
func (o Options) Handler(w io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: o.Level.slog()}
	if o.Format != JSON {
		return slog.NewTextHandler(w, options)
	}
	options.ReplaceAttr = readable
	return slog.NewJSONHandler(w, options)
}

// readable writes durations with their unit, and the level by the name that it has here. klog's
// verbosities have no names of their own in log/slog.
func readable(groups []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().String())
	}
	level, ok := a.Value.Any().(slog.Level)
	if len(groups) > 0 || a.Key != slog.LevelKey || !ok {
		return a
	}
	return slog.String(slog.LevelKey, string(levelName(level)))
}

func levelName(level slog.Level) Level {
	switch {
	case level >= slog.LevelError:
		return Error
	case level >= slog.LevelWarn:
		return Warn
	case level >= slog.LevelInfo:
		return Info
	case level >= slog.LevelDebug:
		return Debug
	}
	return Trace
}

// Apply makes the loggers of this process log as the options say. As text each keeps its own form
// and writes to standard error; as JSON all write to w.
func (o Options) Apply(w io.Writer) error {
	if err := o.applyKlog(); err != nil {
		return fmt.Errorf("setting up the log: %w", err)
	}
	slog.SetLogLoggerLevel(o.Level.slog())
	if o.Format != JSON {
		return nil
	}
	logger := slog.New(o.Handler(w))
	klog.SetLoggerWithOptions(logr.FromSlogHandler(logger.Handler()),
		klog.ContextualLogger(true), klog.WriteKlogBuffer(func(line []byte) { logLine(logger, w, line) }))
	slog.SetDefault(logger)
	logrus.SetOutput(w)
	logrus.SetFormatter(&logrus.JSONFormatter{})
	return nil
}

// logLine logs a line that klog has made as text. The last words of a process stay text, as those
// of Go's runtime do: whoever looks for the cause of its end looks for that form.
func logLine(logger *slog.Logger, w io.Writer, line []byte) {
	if bytes.HasPrefix(line, []byte("F")) {
		_, _ = w.Write(line) // there is nobody to report an error to
		return
	}
	level := slog.LevelInfo
	switch {
	case bytes.HasPrefix(line, []byte("E")):
		level = slog.LevelError
	case bytes.HasPrefix(line, []byte("W")):
		level = slog.LevelWarn
	}
	text := string(bytes.TrimSpace(line))
	if _, message, found := strings.Cut(text, "] "); found {
		text = message // without klog's header
	}
	logger.Log(context.Background(), level, text)
}

// applyKlog sets klog's verbosity, and what it leaves out of its text.
func (o Options) applyKlog() error {
	var flags flag.FlagSet
	klog.InitFlags(&flags)
	if err := flags.Set("v", strconv.Itoa(o.Level.Verbosity())); err != nil {
		return err
	}
	// klog keeps what was set before: a daemon's level follows that of its command line.
	threshold, ignored := "INFO", "true"
	switch o.Level {
	case Error:
		threshold = "ERROR"
	case Warn:
		threshold = "WARNING"
	}
	if threshold != "INFO" {
		ignored = "false"
	}
	if err := flags.Set("stderrthreshold", threshold); err != nil {
		return err
	}
	// Where it is true, klog ignores the threshold if it writes to standard error only.
	return flags.Set("legacy_stderr_threshold_behavior", ignored)
}
