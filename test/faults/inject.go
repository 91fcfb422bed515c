// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"rancherdesktop.io/rdd/internal/vm"
)

// kind is a kind of fault.
type kind string

const (
	// The call is not carried out and fails.
	timeout  kind = "timeout"
	reset    kind = "reset"
	conflict kind = "conflict"
	internal kind = "500"
	busy     kind = "busy"
	// notFound makes a read return NotFound or an empty list, as from a stale cache.
	notFound kind = "notFound"
	// lostReply carries the call out and reports a failure.
	lostReply kind = "lostReply"
	// The daemon ends before or after the call, and is started again.
	crashBefore kind = "crashBefore"
	crashAfter  kind = "crashAfter"
	// An event is dropped, comes after the next one, or comes again after the next one. closed ends
	// the watches, which are restarted and show all objects.
	dropped    kind = "dropped"
	delayed    kind = "delayed"
	duplicated kind = "duplicated"
	closed     kind = "closed"
	// stale serves all reads of a pass from an older revision.
	stale kind = "stale"
)

// The kinds of the fault matrix, the crash matrix and the event matrix.
var (
	faultKinds = []kind{timeout, reset, conflict, internal, busy, notFound, lostReply}
	crashKinds = []kind{crashBefore, crashAfter}
	eventKinds = []kind{dropped, delayed, duplicated, closed}
)

// call is one call of a reconciler.
type call struct {
	// what describes the call: "limavm: patch ConfigMap default/rd".
	what          string
	write, engine bool
}

// fits reports whether the kind applies to the n-th call and differs from the other kinds there.
// For a failed read the error makes no difference, so timeout, reset and 500 take turns on reads
// unless all is set. A daemon that ends around a read is the same as one that ends after the last
// write.
func (k kind) fits(n int, c call, all bool) bool {
	switch k {
	case conflict:
		return c.write && !c.engine
	case lostReply, crashBefore, crashAfter:
		return c.write
	case notFound:
		return !c.write && !c.engine
	case busy:
		return c.engine && c.write
	case timeout:
		return all || c.write || c.engine || n%3 == 0
	case reset:
		return !c.engine && (all || c.write || n%3 == 1)
	case internal:
		return !c.engine && (all || c.write || n%3 == 2)
	default:
		return false
	}
}

// errCrashed is the result of the calls of a daemon that has ended. No reconciler of a running
// daemon gets it.
var errCrashed = errors.New("the daemon has ended")

// fault says what fails: the k-th call, event or pass of a stage, from 1. With a k of 0 nothing
// fails.
type fault struct {
	k    int
	kind kind
	// past is the revision of a stale pass, counted from the beginning of the stage.
	past int64
}

// injector numbers calls, events and passes, and makes one of them fail.
type injector struct {
	fault   fault
	calls   []call
	events  int
	passes  []revisionRange
	first   int64 // the revision at which the stage began
	fired   bool
	crashed bool
}

// begin starts counting for a stage, at a revision of the simulated server.
func (i *injector) begin(f fault, revision int64) { *i = injector{fault: f, first: revision} }

// event counts an event and returns what happens to it; empty means that it is delivered.
func (i *injector) event() kind {
	i.events++
	if i.events != i.fault.k || !slices.Contains(eventKinds, i.fault.kind) {
		return ""
	}
	i.fired = true
	return i.fault.kind
}

// revisionRange has the revisions that a pass may read, counted from the beginning of the stage.
type revisionRange struct{ oldest, newest int64 }

// pass counts a pass and returns the older revision that it reads, if that is the fault. own is the
// revision of the controller's last write.
func (i *injector) pass(revision, own int64) (past int64, ok bool) {
	i.passes = append(i.passes, revisionRange{max(0, own-i.first), revision - i.first})
	if len(i.passes) != i.fault.k || i.fault.kind != stale {
		return 0, false
	}
	i.fired = true
	return i.first + i.fault.past, true
}

// onCalls reports whether a kind is a fault of calls.
func (k kind) onCalls() bool { return k != stale && !slices.Contains(eventKinds, k) }

// do carries out a call or makes it fail. empty returns the result of a read that finds nothing.
func (i *injector) do(c call, run func() error, empty func() error) error {
	if i.crashed {
		return errCrashed
	}
	i.calls = append(i.calls, c)
	if len(i.calls) != i.fault.k || !i.fault.kind.onCalls() {
		return run()
	}
	i.fired = true
	switch i.fault.kind {
	case lostReply:
		if err := run(); err != nil {
			return err
		}
		return fmt.Errorf("%s: the reply was lost: %w", c.what, syscall.ECONNRESET)
	case notFound:
		return empty()
	case crashBefore:
		i.crashed = true
		return errCrashed
	case crashAfter:
		err := run()
		i.crashed = true
		return errors.Join(errCrashed, err)
	default:
		return failure(i.fault.kind, c)
	}
}

func failure(k kind, c call) error {
	if c.engine {
		if k == busy {
			return fmt.Errorf("%s: %w", c.what, vm.ErrBusy)
		}
		return fmt.Errorf("%s: %w", c.what, context.DeadlineExceeded)
	}
	switch k {
	case conflict:
		return apierrors.NewConflict(schema.GroupResource{Resource: "injected"}, c.what, errors.New("injected"))
	case internal:
		return apierrors.NewInternalError(fmt.Errorf("injected into %s", c.what))
	case reset:
		return &url.Error{Op: "injected", URL: c.what, Err: syscall.ECONNRESET}
	default:
		return &url.Error{Op: "injected", URL: c.what, Err: context.DeadlineExceeded}
	}
}
