// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/test/filecalls"
)

// The renaming of the instance x, and the one that undoes it.
var (
	renamedOwner = vm.Owner{UID: "uid of y", Namespace: "default", Name: "y"}
	renaming     = vm.Renaming{Name: "x", Owner: owner, NewName: "y", NewOwner: renamedOwner}
	renamingBack = vm.Renaming{Name: "y", Owner: renamedOwner, NewName: "x", NewOwner: owner}
)

// renameThereAndBack gives the instance another name, and then its own again.
func (l *life) renameThereAndBack(ctx context.Context) error {
	for _, r := range []vm.Renaming{renaming, renamingBack} {
		if err := l.rename(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// rename repeats a renaming, as the controller does, until it is done.
func (l *life) rename(ctx context.Context, r vm.Renaming) error {
	for range attempts {
		if err := l.engine.Rename(ctx, r); err != nil {
			l.failures = append(l.failures, err)
			continue
		}
		if name, err := l.nameAndOwner(ctx); err != nil || name != r.NewName {
			return fmt.Errorf("renamed to %s, it is %s: %w", r.NewName, name, err)
		}
		return l.note("named " + r.NewName)
	}
	return fmt.Errorf("not renamed to %s: %w", r.NewName, errors.Join(l.failures...))
}

// nameAndOwner returns the one name that the instance has, with the owner that goes with it; empty
// when there is no instance.
func (l *life) nameAndOwner(ctx context.Context) (string, error) {
	var found []string
	for name, want := range map[string]vm.Owner{"x": owner, "y": renamedOwner} {
		state, err := l.engine.Observe(ctx, name)
		if errors.Is(err, vm.ErrNotFound) {
			continue
		}
		if err != nil || state.Owner != want {
			return "", fmt.Errorf("%s belongs to %+v: %w", name, state.Owner, err)
		}
		found = append(found, name)
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	default:
		return "", fmt.Errorf("there are %q", found)
	}
}

// ownName checks under which name an instance is found after a power cut, and gives it its own.
func (l *life) ownName(ctx context.Context, s filecalls.State) error {
	name, err := l.nameAndOwner(ctx)
	if err != nil {
		return fmt.Errorf("after %q: %w", s.Notes, err)
	}
	lost := s.Noted("named y") && name == "x" && !s.Noted("named x") && !l.undone(s)
	if lost || s.Noted("named x") && name == "y" {
		return fmt.Errorf("after %q its name is %s", s.Notes, name)
	}
	if name != "y" {
		return nil
	}
	return l.rename(ctx, renamingBack)
}

// undone reports whether the renaming back has begun by the time of a power cut.
func (l *life) undone(s filecalls.State) bool {
	record, err := l.vmdir().ReadRecord()
	return err == nil && s.Noted("named y") && record.WasRenamed(l.vmdir(), renamedOwner.UID)
}

// TestRename: the machine keeps its disk, its identities and its hardware under the new name. What
// was written with the former one is gone, or is written again by the start.
func TestRename(t *testing.T) {
	h := newFakeHost(t)
	e, _ := running(t, h)
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	await(t, e, "stopped", in(vm.PhaseStopped))
	before, hash := record(t, h, "x"), diskHash(t, h, "x")

	must(t, e.Rename(t.Context(), renaming))
	after := record(t, h, "y")
	image := before.Machine.Image.In(vmdir.In(h.home, "y"))
	same := after.Machine.UUID == before.Machine.UUID && after.Machine.MAC == before.Machine.MAC && after.Machine.ID == before.Machine.ID
	if !same || after.Machine.Image.Disk != image.Disk || diskHash(t, h, "y") != hash {
		t.Errorf("the machine was %+v and is %+v", before.Machine, after.Machine)
	}
	if after.Owner != renamedOwner || !vmdir.In(h.home, "y").OwnerRecorded() {
		t.Errorf("its record is %+v", after)
	}
	if users := h.users(t); users != filepath.Join(h.home, "y") {
		t.Errorf("the image is used by %q", users)
	}
	if _, err := e.SSH(t.Context(), "y"); !errors.Is(err, vm.ErrNotRunning) {
		t.Errorf("the ssh configuration of the former name is left: %v", err)
	}

	must(t, e.Start(t.Context(), renamedOwner, "y"))
	state := awaitOf(t, e, "y", "running", in(vm.PhaseRunning))
	if ssh, err := e.SSH(t.Context(), "y"); err != nil || ssh.Host != "y" || state.BootID == "" {
		t.Errorf("the ssh configuration is %+v, %v", ssh, err)
	}
	must(t, e.Delete(t.Context(), renamedOwner, "y"))
	awaitOf(t, e, "y", "deleted", deleted)
}

// users returns the directories of the machines that use the image.
func (h *fakeHost) users(t *testing.T) string {
	t.Helper()
	records, err := filepath.Glob(filepath.Join(filepath.Dir(h.images.img.Disk), "users", "*"))
	must(t, err)
	var users []string
	for _, record := range records {
		data, err := os.ReadFile(record)
		must(t, err)
		users = append(users, strings.TrimSpace(string(data)))
	}
	return strings.Join(users, ", ")
}

func record(t *testing.T, h *fakeHost, name string) vmdir.Record {
	t.Helper()
	r, err := vmdir.In(h.home, name).ReadRecord()
	must(t, err)
	return r
}

func diskHash(t *testing.T, h *fakeHost, name string) string {
	t.Helper()
	disk, err := os.ReadFile(vmdir.In(h.home, name).Disk())
	must(t, err)
	return vmdir.Hash(disk)
}

// TestRenamedInstanceIsWatched: a watch that began before the renaming reports the instance under
// its new name, and another one that gets the former name.
func TestRenamedInstanceIsWatched(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	must(t, e.Rename(t.Context(), renaming))
	must(t, e.Rename(t.Context(), renamingBack))
	seen := make(chan string, 1000)
	must(t, e.Watch(t.Context(), func(name string) { seen <- name }))
	next := func(name string) {
		t.Helper()
		for got := range seen {
			if got == name {
				return
			}
		}
	}
	drain := func() {
		for len(seen) > 0 {
			<-seen
		}
	}
	for range 20 {
		must(t, e.Rename(t.Context(), renaming))
		next("x")
		next("y")
		drain()
		must(t, vmdir.Write(vmdir.In(h.home, "y").Created(), []byte("touched"), 0o600))
		next("y")
		must(t, e.Apply(t.Context(), spec(guestTemplate)))
		await(t, e, "another x", in(vm.PhaseStopped))
		drain()
		must(t, vmdir.Write(vmdir.In(h.home, "x").Created(), []byte("touched"), 0o600))
		next("x")
		must(t, e.Delete(t.Context(), owner, "x"))
		await(t, e, "x deleted", deleted)
		must(t, e.Rename(t.Context(), renamingBack))
		await(t, e, "x is back", in(vm.PhaseStopped))
	}
}

// TestRenameIsBusy: an instance keeps its name while it is created, starts, or is worked on by
// another process.
func TestRenameIsBusy(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	lock, err := vmdir.TryLock(vmdir.In(h.home, "x").WorkLock())
	must(t, err)
	if err := e.Rename(t.Context(), renaming); !errors.Is(err, vm.ErrBusy) {
		t.Errorf("while another process works on it: %v", err)
	}
	must(t, lock.Unlock())
	must(t, e.Start(t.Context(), owner, "x"))
	if err := e.Rename(t.Context(), renaming); !errors.Is(err, vm.ErrBusy) {
		t.Errorf("while it starts: %v", err)
	}
	await(t, e, "running", in(vm.PhaseRunning))
	killHostagent(t, vmdir.In(h.home, "x"))
	if err := e.Rename(t.Context(), renaming); !errors.Is(err, vm.ErrBusy) {
		t.Errorf("while it runs without a hostagent: %v", err)
	}
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "deleted", deleted)
}

// TestRenamingIsNoStop: whoever observes an instance that is renamed finds it stopped, or gone.
func TestRenamingIsNoStop(t *testing.T) {
	h := newFakeHost(t)
	e, _ := running(t, h)
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	await(t, e, "stopped", in(vm.PhaseStopped))
	ended := make(chan error, 1)
	go func() {
		var errs []error
		for range 20 {
			errs = append(errs, e.Rename(t.Context(), renaming), e.Rename(t.Context(), renamingBack))
		}
		ended <- errors.Join(errs...)
	}()
	for observed := 0; ; observed++ {
		select {
		case err := <-ended:
			must(t, err)
			t.Logf("observed %d times", observed)
			return
		default:
		}
		for _, name := range []string{"x", "y"} {
			state, err := e.Observe(t.Context(), name)
			if !errors.Is(err, vm.ErrNotFound) && (err != nil || state.Phase != vm.PhaseStopped) {
				t.Fatalf("%s is %s: %+v, %v", name, state.Phase, state.Failure, err)
			}
		}
	}
}
