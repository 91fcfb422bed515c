// SPDX-License-Identifier: Apache-2.0

package checked

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/k3s-io/kine/pkg/logstructured"
	"github.com/k3s-io/kine/pkg/server"
)

// fakeLog is a log in memory under kine's own backend. Every append can be told to fail, or to do
// nothing.
type fakeLog struct {
	logstructured.Log

	mu   sync.Mutex
	rows []*server.Event // the index + 1 is the revision
	// failures of the next appends; nil entries succeed.
	failures []error
	// lies is how many of the next appends report a success and do nothing.
	lies int
	// late makes an append that fails store its row all the same.
	late bool
	// ahead is by how much CurrentRevision is ahead of the row that was written last, as after
	// other writes.
	ahead int64
}

func (l *fakeLog) Append(_ context.Context, event *server.Event) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var failure error
	if len(l.failures) > 0 {
		failure, l.failures = l.failures[0], l.failures[1:]
	}
	if failure != nil && !l.late {
		return 0, failure
	}
	present := int64(0)
	if last := l.last(event.KV.Key, 0); last != nil {
		present = last.KV.ModRevision
	}
	if present != event.PrevKV.ModRevision {
		return 0, nil
	}
	if l.lies > 0 {
		l.lies--
		return int64(len(l.rows)) + 1, nil
	}
	row, kv := *event, *event.KV
	row.KV = &kv
	kv.ModRevision = int64(len(l.rows)) + 1
	if kv.CreateRevision = kv.ModRevision; !event.Create {
		kv.CreateRevision = l.last(kv.Key, 0).KV.CreateRevision
	}
	l.rows = append(l.rows, &row)
	if failure != nil {
		return 0, failure
	}
	return kv.ModRevision, nil
}

// last row of a key up to a revision; 0 means all.
func (l *fakeLog) last(key string, revision int64) (found *server.Event) {
	for _, row := range l.rows {
		if row.KV.Key == key && (revision == 0 || row.KV.ModRevision <= revision) {
			found = row
		}
	}
	return found
}

func (l *fakeLog) List(_ context.Context, key, _ string, _, revision int64, deleted, _ bool) (server.EventBatch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := server.EventBatch{CurrentRev: int64(len(l.rows))}
	if row := l.last(key, revision); row != nil && (deleted || !row.Delete) {
		copied, kv := *row, *row.KV
		copied.KV = &kv
		batch.Events = append(batch.Events, &copied)
	}
	return batch, nil
}

func (l *fakeLog) CurrentRevision(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.rows)) + l.ahead, nil
}

func (l *fakeLog) has(_ context.Context, key string, revision int64) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return revision <= int64(len(l.rows)) && revision > 0 && l.rows[revision-1].KV.Key == key, nil
}

var errDisk = errors.New("the disk is on fire")

// bench is one kine backend in both shapes: with its log in our hands, as for SQLite, and finished,
// as for others.
type bench struct {
	*Backend
	log      *fakeLog
	reported []error
}

func inBothShapes(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	for _, ours := range []bool{true, false} {
		name := "finished"
		if ours {
			name = "own log"
		}
		t.Run(name, func(t *testing.T) {
			b := &bench{log: &fakeLog{}}
			options := Options{Report: func(err *Error) { b.reported = append(b.reported, err) }}
			var log logstructured.Log = b.log
			if ours {
				log, options.Stored = NewLog(b.log, LogOptions{}), b.log.has
			}
			b.Backend = New(logstructured.New(log), options)
			test(t, b)
		})
	}
}
