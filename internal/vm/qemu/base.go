// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// A machine has the files of its image in its own directory. What follows gives them to machines of
// older rdd, whose disks refer to the cache, and to those that have lost a file, from an image of
// the same digest. The files come first, then the disk's reference, then the record; after a crash
// at any point the machine can be started, and the next call goes on. A machine that runs is left
// alone.

// bases remembers the instances that could not be given their files, until they are started.
type bases struct {
	mu     sync.Mutex
	failed map[string]error
}

func newBases() *bases { return &bases{failed: map[string]error{}} }

// set records how an attempt has ended; nil forgets it.
func (b *bases) set(name string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.failed, name)
	if err != nil {
		b.failed[name] = err
	}
}

func (b *bases) get(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed[name]
}

// checkBase makes sure, by their names and sizes only, that the files which the disk is made of are
// there. *vm.Fault of kind vm.FaultBroken.
func (i instance) checkBase(record vmdir.Record) error {
	img := record.Machine.Image
	err := img.Check()
	if err == nil {
		return nil
	}
	hint := fmt.Sprintf("bring the file back to its place; it is taken from the image %s (%s) once the cache of images has that again",
		img.Name, img.Digest)
	return &vm.Fault{
		Kind: vm.FaultBroken, Hint: hint,
		Text: fmt.Sprintf("%v; the disk of the virtual machine is made of it, and is not damaged itself: %s", err, hint),
	}
}

// isOwn reports whether the machine has the files of its image in its own directory.
func isOwn(record vmdir.Record) bool { return record.Machine.Image.Base != nil }

// readyBase makes sure that the machine can be started, and gives it its image's files if it has
// to. It returns the record as it is then. vm.ErrBusy while they are copied. The hostagent's lock
// is held, and nothing runs.
func (i instance) readyBase(ctx context.Context, record vmdir.Record) (vmdir.Record, error) {
	if fault := i.lostDisk(); fault != nil {
		return record, fault
	}
	broken := i.checkBase(record)
	if isOwn(record) && broken == nil {
		return record, i.rebase(ctx, record.Machine.Image)
	}
	own, shared, err := i.place(ctx, record, record.Machine.Image, true)
	if err == nil {
		return i.switchOver(ctx, record, own, shared)
	}
	if i.engine.bases.get(i.name) == nil {
		i.beginOwn(record)
		return record, i.busy("being given the files of its image")
	}
	return record, broken // nil: where they have been is still good
}

// beginOwn gives the machine the files of its image in the background: they may have to be copied,
// downloaded or built. A failure is logged, as the machine may be started without.
func (i instance) beginOwn(record vmdir.Record) {
	i.engine.works.begin(i.name, record.Owner, vm.OperationStart, func(ctx context.Context, report func(vm.Progress)) error {
		report(vm.Progress{Step: "taking the files of its image", Percent: -1})
		err := i.own(ctx, report)
		if err != nil && ctx.Err() == nil {
			i.engine.config.Log.Warn("giving a virtual machine the files of its image", "instance", i.name, "error", err)
		}
		i.engine.bases.set(i.name, err)
		return nil
	})
}

// own gives the machine the files of its image, from wherever they can be had.
func (i instance) own(ctx context.Context, report func(vm.Progress)) (err error) {
	lock, err := flock.Wait(ctx, i.dir.WorkLock())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	record, err := i.dir.ReadRecord()
	if err != nil {
		return err
	}
	own, shared, err := i.place(ctx, record, record.Machine.Image, false)
	if err != nil && record.Machine.Image.Check() != nil {
		var again vmdir.Image
		if again, err = i.obtainAgain(ctx, record, report); err != nil {
			return err
		}
		own, shared, err = i.place(ctx, record, again, false)
	}
	if err != nil {
		return err
	}
	defer i.lock()()
	return i.withHostagentLock(func(_ *flock.Lock, observed observation) error {
		if observed.qemu {
			return nil
		}
		record, err := i.dir.ReadRecord()
		if err != nil {
			return err
		}
		_, err = i.switchOver(ctx, record, own, shared)
		return err
	})
}

// forgetImage tells the cache that the machine does not use its image, or is gone. A failure only
// keeps the image longer.
func (i instance) forgetImage() {
	if err := i.engine.config.Images.Forget(string(i.dir)); err != nil {
		i.engine.config.Log.Warn("giving an image free", "instance", i.name, "error", err)
	}
}

// needsOwn reports whether a machine that is complete and stopped lacks files of its image.
func (i instance) needsOwn() (vmdir.Record, bool) {
	record, err := i.dir.ReadRecord()
	if err != nil || !i.dir.Complete(record) {
		return record, false // Observe reports it
	}
	observed, err := i.observe()
	if err != nil || observed.hostagent || observed.qemu || i.engine.bases.get(i.name) != nil {
		return record, false
	}
	return record, !isOwn(record) || record.Machine.Image.Check() != nil
}

// keepOwn begins to give a stopped machine the files of its image that it lacks.
func (i instance) keepOwn() error {
	record, needed := i.needsOwn()
	if !needed {
		return nil
	}
	// Locked only now: this is called for every change of every instance.
	defer i.lock()()
	if err := i.idle(record); err != nil {
		return err
	}
	if record, needed := i.needsOwn(); needed {
		i.beginOwn(record)
	}
	return nil
}
