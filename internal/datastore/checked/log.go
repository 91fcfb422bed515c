// SPDX-License-Identifier: Apache-2.0

package checked

import (
	"context"
	"fmt"
	"time"

	"github.com/k3s-io/kine/pkg/logstructured"
	"github.com/k3s-io/kine/pkg/server"
)

// LogOptions of NewLog.
type LogOptions struct {
	// Wait is how long a write may wait for the writes before it.
	Wait time.Duration
	// MakeRoom is asked after an append that failed with an error of a full disk. If it reports
	// that there is room now, the append is done again.
	MakeRoom func(error) bool
}

// Log is a log whose appends and lists tell their errors.
type Log struct {
	logstructured.Log
	options LogOptions
	// turn is held by who appends. SQLite has one writer at a time, and those who wait for its lock
	// are served in no order.
	turn turn
}

// NewLog wraps a log whose dialect is one of NewDialect.
func NewLog(inner logstructured.Log, options LogOptions) *Log {
	return &Log{Log: inner, options: options}
}

// Append implements logstructured.Log.
func (l *Log) Append(ctx context.Context, event *server.Event) (int64, error) {
	revision, err := l.append(ctx, event)
	record(ctx, revision, err)
	return revision, err
}

func (l *Log) append(ctx context.Context, event *server.Event) (int64, error) {
	if err := l.turn.enter(ctx, l.options.Wait); err != nil {
		return 0, err
	}
	defer l.turn.leave()
	revision, err := l.Log.Append(ctx, event)
	if err != nil && l.options.MakeRoom != nil && l.options.MakeRoom(err) {
		return l.Log.Append(ctx, event)
	}
	return revision, err
}

// busyError says that the writes before one took too long.
type busyError struct{ waited time.Duration }

func (e *busyError) Error() string {
	return fmt.Sprintf("the writes before this one have not ended for %s", e.waited)
}

// List implements logstructured.Log.
func (l *Log) List(ctx context.Context, key, end string, limit, revision int64, deleted, keysOnly bool) (server.EventBatch, error) {
	ctx, reading := withReading(ctx)
	batch, err := l.Log.List(ctx, key, end, limit, revision, deleted, keysOnly)
	if broken := reading.err(); broken != nil {
		return server.EventBatch{}, broken
	}
	return batch, err
}

// After implements logstructured.Log.
func (l *Log) After(ctx context.Context, key, end string, revision, limit int64) (server.EventBatch, error) {
	ctx, reading := withReading(ctx)
	batch, err := l.Log.After(ctx, key, end, revision, limit)
	if broken := reading.err(); broken != nil {
		return server.EventBatch{}, broken
	}
	return batch, err
}

// Compact implements logstructured.Log.
func (l *Log) Compact(ctx context.Context, revision int64) (compacted int64, err error) {
	defer caught(&err)
	return l.Log.Compact(ctx, revision)
}
