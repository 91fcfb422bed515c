// SPDX-License-Identifier: Apache-2.0

package checked

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/k3s-io/kine/pkg/server"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (b *bench) mustCreate(t *testing.T, key, value string) int64 {
	t.Helper()
	revision, err := b.Create(t.Context(), key, []byte(value), 0)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func (b *bench) mustDelete(t *testing.T, key string, revision int64) {
	t.Helper()
	if _, _, ok, err := b.Delete(t.Context(), key, revision); err != nil || !ok {
		t.Fatalf("deleting: %t, %v", ok, err)
	}
}

// failed says whether an error is one of the store, and was reported once.
func (b *bench) failed(t *testing.T, err error) {
	t.Helper()
	var own *Error
	if !errors.As(err, &own) || len(b.reported) != 1 {
		t.Fatalf("ended with %v, reported %v", err, b.reported)
	}
}

// TestAnswers are those of a store that works.
func TestAnswers(t *testing.T) {
	inBothShapes(t, func(t *testing.T, b *bench) {
		first := b.mustCreate(t, "/key", "1")
		if _, err := b.Create(t.Context(), "/key", []byte("2"), 0); err != server.ErrKeyExists { //nolint:errorlint // kine compares it so
			t.Errorf("creating again: %v", err)
		}
		second, _, ok, err := b.Update(t.Context(), "/key", []byte("2"), first, 0)
		if err != nil || !ok || second <= first {
			t.Fatalf("updating: %d, %t, %v", second, ok, err)
		}
		if _, kv, ok, err := b.Update(t.Context(), "/key", []byte("3"), first, 0); err != nil || ok || kv.ModRevision != second {
			t.Errorf("updating the old revision: %v, %t, %v", kv, ok, err)
		}
		if _, kv, ok, err := b.Delete(t.Context(), "/key", first); err != nil || ok || kv.ModRevision != second {
			t.Errorf("deleting the old revision: %v, %t, %v", kv, ok, err)
		}
		b.mustDelete(t, "/key", second)
		if _, kv, ok, err := b.Update(t.Context(), "/key", []byte("3"), second, 0); err != nil || ok || kv != nil {
			t.Errorf("updating what is deleted: %v, %t, %v", kv, ok, err)
		}
		if len(b.reported) > 0 {
			t.Errorf("reported %v", b.reported)
		}
	})
}

// TestCreateAgain returns the key's own revision, not that of the store, which kine returns after a
// deletion.
func TestCreateAgain(t *testing.T) {
	inBothShapes(t, func(t *testing.T, b *bench) {
		b.mustDelete(t, "/key", b.mustCreate(t, "/key", "1"))
		b.log.ahead = 2
		if b.options.Stored == nil {
			b.log.ahead = -1 // only behind: the revision before is asked for, too
		}
		revision := b.mustCreate(t, "/key", "2")
		if revision != 3 {
			t.Errorf("created at %d, want 3", revision)
		}
	})
}

func TestFailedAppends(t *testing.T) {
	failures := map[string][]error{"first": {errDisk}, "both": {errDisk, errDisk}, "second": {nil, errDisk}}
	for _, c := range []struct {
		name, failures string
		deleted        bool
	}{{"new", "first", false}, {"deleted before", "both", true}, {"deleted before, second", "second", true}} {
		t.Run("create "+c.name, func(t *testing.T) {
			inBothShapes(t, func(t *testing.T, b *bench) {
				if c.deleted {
					b.mustDelete(t, "/key", b.mustCreate(t, "/key", "1"))
				}
				b.log.failures = append([]error(nil), failures[c.failures]...)
				_, err := b.Create(t.Context(), "/key", []byte("2"), 0)
				b.failed(t, err)
			})
		})
	}
	inBothShapes(t, func(t *testing.T, b *bench) {
		revision := b.mustCreate(t, "/key", "1")
		b.log.failures = []error{errDisk}
		_, _, _, err := b.Update(t.Context(), "/key", []byte("2"), revision, 0)
		b.failed(t, err)
	})
	inBothShapes(t, func(t *testing.T, b *bench) {
		revision := b.mustCreate(t, "/key", "1")
		b.log.failures = []error{errDisk}
		_, _, _, err := b.Delete(t.Context(), "/key", revision)
		b.failed(t, err)
	})
}

// TestReason is that of the very append, where the log is ours.
func TestReason(t *testing.T) {
	inBothShapes(t, func(t *testing.T, b *bench) {
		b.log.failures = []error{errDisk}
		_, err := b.Create(t.Context(), "/key", []byte("1"), 0)
		if own := errors.Is(err, errDisk); own != (b.options.Stored != nil) {
			t.Errorf("the error is %v", err)
		}
	})
}

// TestLies are successes without a deed.
func TestLies(t *testing.T) {
	inBothShapes(t, func(t *testing.T, b *bench) {
		b.mustCreate(t, "/other", "1")
		b.log.lies = 1
		_, err := b.Create(t.Context(), "/key", []byte("1"), 0)
		b.failed(t, err)
	})
	inBothShapes(t, func(t *testing.T, b *bench) {
		if b.options.Stored == nil {
			t.Skip("an update of a finished backend returns what the database returned")
		}
		revision := b.mustCreate(t, "/key", "1")
		b.log.lies = 1
		_, _, _, err := b.Update(t.Context(), "/key", []byte("2"), revision, 0)
		b.failed(t, err)
	})
}

// TestLateAppends store what they report as failed: never a success, nor a conflict where the log
// is ours.
func TestLateAppends(t *testing.T) {
	inBothShapes(t, func(t *testing.T, b *bench) {
		b.log.failures, b.log.late = []error{errDisk}, true
		_, err := b.Create(t.Context(), "/key", []byte("1"), 0)
		if err == nil || b.options.Stored != nil && !errors.Is(err, errDisk) {
			t.Errorf("the create ended with %v", err)
		}
	})
}

func TestAdmit(t *testing.T) {
	inBothShapes(t, func(t *testing.T, b *bench) {
		revision := b.mustCreate(t, "/key", "1")
		b.options.Admit = func(context.Context) error { return errDisk }
		_, err := b.Create(t.Context(), "/new", []byte("1"), 0)
		b.failed(t, err)
		if _, kv, err := b.Get(t.Context(), "/new", 0, true); err != nil || kv != nil {
			t.Errorf("found %v, %v", kv, err)
		}
		b.mustDelete(t, "/key", revision)
	})
}

// TestCauses survive the way through gRPC, and no cause makes an etcd client try again.
func TestCauses(t *testing.T) {
	for cause := range statusCodes {
		err := &Error{Cause: cause, Doing: "creating /key", Err: errDisk}
		sent := status.Convert(err).Err()
		got, message, ok := CauseOf(sent)
		if !ok || got != cause || message != err.Error() || !strings.Contains(message, "/key") {
			t.Errorf("%s came back as %s, %q, %t", cause, got, message, ok)
		}
		if status.Code(sent) == codes.Unavailable || status.Code(sent) == codes.Unknown {
			t.Errorf("%s is sent as %s", cause, status.Code(sent))
		}
	}
	for _, err := range []error{errDisk, server.ErrKeyExists, server.ErrCompacted, context.Canceled, status.Error(codes.Internal, "x")} {
		if cause, _, ok := CauseOf(err); ok {
			t.Errorf("%v is %s of the store", err, cause)
		}
	}
}

// TestTurns: an append waits for the one before it, and not for ever.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &stuckLog{entered: make(chan struct{}), leave: make(chan struct{})}
		log := NewLog(inner, LogOptions{Wait: 5 * time.Second})
		event := &server.Event{KV: &server.KeyValue{Key: "/key"}, PrevKV: &server.KeyValue{}}
		first := make(chan error, 1)
		go func() {
			_, err := log.Append(t.Context(), event)
			first <- err
		}()
		<-inner.entered
		began := time.Now()
		var busy *busyError
		if _, err := log.Append(t.Context(), event); !errors.As(err, &busy) || time.Since(began) != 5*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := log.Append(ctx, event); !errors.Is(err, context.Canceled) {
			t.Errorf("a canceled append ended with %v", err)
		}
		close(inner.leave)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

type stuckLog struct {
	fakeLog
	entered, leave chan struct{}
}

func (l *stuckLog) Append(context.Context, *server.Event) (int64, error) {
	close(l.entered)
	<-l.leave
	return 1, nil
}

// TestRoomMade: an append that failed for want of room is done again when room was made, once.
func TestRoomMade(t *testing.T) {
	for made, want := range map[bool]error{true: nil, false: errDisk} {
		t.Run(fmt.Sprint(made), func(t *testing.T) {
			inner := &fakeLog{failures: []error{errDisk}}
			log := NewLog(inner, LogOptions{MakeRoom: func(error) bool { return made }})
			_, err := log.Append(t.Context(), &server.Event{Create: true, KV: &server.KeyValue{Key: "/key"}, PrevKV: &server.KeyValue{}})
			if !errors.Is(err, want) {
				t.Errorf("ended with %v, want %v", err, want)
			}
		})
	}
}
