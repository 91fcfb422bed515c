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

// kind is a way for a call to go wrong.
type kind string

const (
	// The call is not carried out.
	timeout  kind = "timeout"
	reset    kind = "reset"
	conflict kind = "conflict"
	internal kind = "500"
	busy     kind = "busy"
	// notFound: a read answers as a stale cache does, with NotFound or an empty list.
	notFound kind = "notFound"
	// lostReply: the call is carried out and reported as failed.
	lostReply kind = "lostReply"
	// The daemon ends before or after the call, and starts again.
	crashBefore kind = "crashBefore"
	crashAfter  kind = "crashAfter"
	// What happens to an event: it never comes, comes after the next, comes again after the next; or
	// the watches end and begin anew, which shows all there is.
	dropped    kind = "dropped"
	delayed    kind = "delayed"
	duplicated kind = "duplicated"
	closed     kind = "closed"
	// stale: all reads of a pass are served as of an older revision.
	stale kind = "stale"
)

// faults are the kinds of the fault matrix, crashes those of the crash matrix.
var (
	faultKinds = []kind{timeout, reset, conflict, internal, busy, notFound, lostReply}
	crashKinds = []kind{crashBefore, crashAfter}
	eventKinds = []kind{dropped, delayed, duplicated, closed}
)

// call is one call of a reconciler.
type call struct {
	// what is the call for people: "limavm: patch ConfigMap default/rd".
	what          string
	write, engine bool
}

// fits reports whether the kind can happen to the n-th call and means something else than the
// others there. What a read's error is called makes no difference to who cannot read, so timeout,
// reset and 500 take turns on reads unless all is set; a daemon that ends around a read has ended
// after the write before.
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

// errCrashed is what a dead daemon's calls answer; it never reaches a living one.
var errCrashed = errors.New("the daemon has ended")

// fault is what is to go wrong: the k-th call, event or pass of a stage, from 1; 0 is none.
type fault struct {
	k    int
	kind kind
	// past is the revision that a stale pass sees, counted from the beginning of the stage.
	past int64
}

// injector numbers calls, events and passes, and spoils one.
type injector struct {
	fault   fault
	calls   []call
	events  int
	passes  []sight
	first   int64 // the revision at which the stage began
	fired   bool
	crashed bool
}

// begin starts counting for a stage, at a revision of the simulated server.
func (i *injector) begin(f fault, revision int64) { *i = injector{fault: f, first: revision} }

// event counts an event and says what happens to it; empty: it arrives.
func (i *injector) event() kind {
	i.events++
	if i.events != i.fault.k || !slices.Contains(eventKinds, i.fault.kind) {
		return ""
	}
	i.fired = true
	return i.fault.kind
}

// sight is which revisions a pass may see, counted from the beginning of the stage.
type sight struct{ oldest, newest int64 }

// pass counts a pass and says which older revision it is to see, if any; own is its controller's
// last write.
func (i *injector) pass(revision, own int64) (past int64, ok bool) {
	i.passes = append(i.passes, sight{max(0, own-i.first), revision - i.first})
	if len(i.passes) != i.fault.k || i.fault.kind != stale {
		return 0, false
	}
	i.fired = true
	return i.first + i.fault.past, true
}

// onCalls says that a kind happens to calls.
func (k kind) onCalls() bool { return k != stale && !slices.Contains(eventKinds, k) }

// do carries out a call or spoils it; empty makes a read answer that there is nothing.
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
