// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/share"
)

// startBySSHFS starts the instance x, with mounts that its guest leaves to the host, and waits for
// how that ends.
func startBySSHFS(t *testing.T, h *fakeHost, e *qemu.Engine, guest fakeMounts, mounts string) vm.State {
	t.Helper()
	writeFakeGuest(t, h.dir(), fakeGuest{Mounts: guest})
	must(t, e.Apply(t.Context(), spec(guestTemplate+mounts)))
	must(t, e.Start(t.Context(), owner, "x"))
	return await(t, e, "running or failed", in(vm.PhaseRunning, vm.PhaseStopped))
}

// noted are the lines that the fake guest has noted about its mounts.
func (h *fakeHost) noted(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(h.dir()), fakeMountsFile))
	must(t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// mountServers are the processes that serve a directory.
func mountServers(t *testing.T, dir string) []process.Identity {
	t.Helper()
	pids, err := process.OwnWithArgument(share.ServeCommand)
	must(t, err)
	var found []process.Identity
	for _, pid := range pids {
		args, err := process.CommandLine(pid)
		if err == nil && strings.Contains(strings.Join(args, " "), dir) {
			if id, err := process.Identify(pid); err == nil {
				found = append(found, id)
			}
		}
	}
	return found
}

// TestMountsBySSHFS: the guest sees what it would see by 9p, and nothing else. What is lost is
// mounted again: by the same hostagent and by the next one.
func TestMountsBySSHFS(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	shared, read := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(read, "note"), nil, 0o600))
	mounts := "mounts: [{location: " + shared + ", mountPoint: /mnt/b, writable: true}, {location: " + read + ", mountPoint: \"/mnt/a\"}]\n"
	if state := startBySSHFS(t, h, e, mountsAll, mounts); state.Phase != vm.PhaseRunning {
		t.Fatalf("%+v", state.Failure)
	}
	want := []string{"mount1 ro /mnt/a refused: note", "mount0 rw /mnt/b writes: "}
	if got := h.noted(t); strings.Join(got, "|") != strings.TrimSpace(strings.Join(want, "|")) {
		t.Errorf("the guest sees %q, want %q", got, want)
	}
	if _, err := os.Stat(filepath.Join(shared, "made by the guest")); err != nil {
		t.Error(err)
	}
	again := func(what string) {
		t.Helper()
		await(t, e, what, func(s vm.State, err error) bool {
			return err == nil && s.Phase == vm.PhaseRunning && len(s.FailedUnits) == 0 &&
				len(mountServers(t, shared)) == 1 && len(h.noted(t)) >= len(want)
		})
	}
	again("mounted")
	want = append(want, want...)
	lost := mountServers(t, shared)[0]
	kill(t, &lost, syscall.SIGKILL)
	await(t, e, "told", func(s vm.State, err error) bool {
		return err == nil && slices.ContainsFunc(s.FailedUnits, func(u vm.FailedUnit) bool { return u.Name == "mnt-a.mount" })
	})
	again("mounted again")
	want = append(want, want[:2]...)
	kill(t, h.run(t).Hostagent, syscall.SIGKILL)
	again("mounted by another hostagent")
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
	if left := mountServers(t, shared); len(left) > 0 {
		t.Errorf("servers are left: %v", left)
	}
}

// TestALinkInAMountLeadsNowhere: a guest makes a link of a directory that is a mount itself, and
// has that mounted again.
func TestALinkInAMountLeadsNowhere(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	shared, secret := t.TempDir(), t.TempDir()
	inner := filepath.Join(shared, "inner")
	must(t, os.Mkdir(inner, 0o700))
	must(t, os.WriteFile(filepath.Join(secret, "secret"), nil, 0o600))
	mounts := "mounts: [{location: " + shared + ", mountPoint: /mnt/a, writable: true}, {location: " + inner + ", mountPoint: /mnt/b}]\n"
	if state := startBySSHFS(t, h, e, mountsAll, mounts); state.Failure != nil {
		t.Fatalf("%+v", state.Failure)
	}
	must(t, os.Rename(inner, inner+".away"))
	must(t, os.Symlink(secret, inner))
	lost := mountServers(t, shared)[0]
	kill(t, &lost, syscall.SIGKILL)
	await(t, e, "told", func(s vm.State, err error) bool {
		return err == nil && slices.ContainsFunc(s.FailedUnits, func(u vm.FailedUnit) bool {
			return u.Name == "mnt-b.mount" && strings.Contains(u.Reason, "leads to "+secret+" by now")
		})
	})
	must(t, os.Remove(inner))
	must(t, os.Rename(inner+".away", inner))
	await(t, e, "mounted again", func(s vm.State, err error) bool {
		return err == nil && len(s.FailedUnits) == 0 && len(mountServers(t, shared)) == 1
	})
	if got := strings.Join(h.noted(t), "|"); strings.Contains(got, "secret") {
		t.Errorf("the guest sees %q", got)
	}
}

// TestStopWithAMountThatHangs: the server waits for a file system that does not answer, as one of
// the network may, and the guest goes on writing.
func TestStopWithAMountThatHangs(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	shared := t.TempDir()
	mounts := "mounts: [{location: " + shared + ", mountPoint: /mnt/x, writable: true}]\n"
	if state := startBySSHFS(t, h, e, mountsBusy, mounts); state.Failure != nil {
		t.Fatalf("%+v", state.Failure)
	}
	server := mountServers(t, shared)[0]
	kill(t, &server, syscall.SIGSTOP)
	requests, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/3", server.PID), os.O_WRONLY, 0)
	must(t, err)
	await(t, e, "as many requests as wait for the server", func(vm.State, error) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(requests.Fd()), Events: unix.POLLOUT}}, 0)
		return err == nil && n == 0
	})
	must(t, requests.Close())
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
	if left := mountServers(t, shared); len(left) > 0 {
		t.Errorf("servers are left: %v", left)
	}
}

// TestOwnDirectoriesAreHiddenBySSHFS: by the same views as those of QEMU.
func TestOwnDirectoriesAreHiddenBySSHFS(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	parent := filepath.Dir(h.home)
	location := filepath.Join(parent, filepath.Base(t.TempDir())+"-home")
	must(t, os.Mkdir(location, 0o700))
	t.Cleanup(func() { _ = os.RemoveAll(location) })
	state := startBySSHFS(t, h, e, mountsAll, "mountType: reverse-sshfs\nmounts: [{location: "+parent+", mountPoint: /mnt/x}]\n")
	if state.Failure != nil && state.Failure.Fault.Kind == vm.FaultHost {
		t.Skipf("SKIPPED: %v", state.Failure)
	}
	if state.Phase != vm.PhaseRunning {
		t.Fatalf("%+v", state.Failure)
	}
	own := filepath.Base(h.home)
	names := strings.Fields(h.noted(t)[0])
	if !slices.Contains(names, own) || !slices.Contains(names, filepath.Base(location)) {
		t.Errorf("the guest sees %q", names)
	}
	for _, name := range names {
		if strings.HasPrefix(name, own+"/") {
			t.Errorf("the guest sees %s", name)
		}
	}
	args, err := process.CommandLine(h.run(t).QEMU.PID)
	must(t, err)
	if strings.Contains(strings.Join(args, " "), "fsdev") {
		t.Errorf("QEMU exports the mount, too: %q", args)
	}
}

// TestMountsThatCannotBeMade fail the start with the reason.
func TestMountsThatCannotBeMade(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	for guest, want := range map[fakeMounts]struct {
		kind vm.FaultKind
		text string
	}{
		hasNoPackage: {vm.FaultUnknown, "the guest's mounts cannot be made by sshfs: its mirror has no package; give the guest a network"},
		hasNoFUSE:    {vm.FaultSpec, "field `mounts` cannot be carried by sshfs: its kernel has no FUSE"},
		mountsFail:   {vm.FaultUnknown, "mounts[0], mounted on /mnt/x: sshfs has ended with exit code 1: sshfs fails"},
	} {
		state := startBySSHFS(t, h, e, guest, "mounts: [{location: "+t.TempDir()+", mountPoint: /mnt/x}]\n")
		if state.Phase != vm.PhaseStopped || state.Failure == nil {
			t.Fatalf("%s: %+v", guest, state)
		}
		if f := state.Failure.Fault; f.Kind != want.kind || f.Field != "mounts" || !strings.Contains(f.Text, want.text) {
			t.Errorf("%s: %+v", guest, f)
		}
	}
}
