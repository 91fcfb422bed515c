// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// instanceFiles are all files that rdd keeps in an instance directory of the stand-in for QEMU. A
// new file is added here, and with that to the tests of damage.
var instanceFiles = []string{
	"boot.sh", "created", "disk", "docker.sock", "ha.lock", "ha.pid", "ha.sock", "ha.stderr.log", "ha.stdout.log", "hostkey",
	"hostkey.pub", "known_hosts", "lima.yaml", "provision.sh", "qemu.lock", "qemu.log", "qemu.pid", "qmp.sock", "rdd-ssh.config",
	"rdd.json", "rdd.json.bak", "run.json", "serial.log", "shell.sock", "ssh.config", "start.json", "user", "user.pub", "work.lock",
}

// imageFiles are the image's: missing_linux_test.go loses them.
var imageFiles = []string{"basedisk", "initrd", "kernel"}

// otherFiles are those that only some machines have, or only after a while: with firmware, which
// depends on the host, with a seed, a screen and mounts, and what the hostagent keeps in reserve.
var otherFiles = []string{
	"cidata.iso", "firmware-vars.fd", "firmware.fd", "run.json.spare1", "run.json.spare2", "views", "vncdisplay", "vncpassword",
}

// damages are the ways in which a file is lost. A symbolic link to itself cannot be read by
// anybody, root included.
var damages = []struct {
	name string
	do   func(path string) error
}{
	{"removed", os.RemoveAll},
	{"emptied", func(path string) error { return os.WriteFile(path, nil, 0o600) }},
	{"truncated", func(path string) error {
		data, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(path, data[:len(data)/2], 0o600))
	}},
	{"garbage", func(path string) error { return os.WriteFile(path, []byte("\x00{garbage"), 0o600) }},
	{"unreadable", replaced(func(path string) error { return os.Symlink(filepath.Base(path), path) })},
	{"a FIFO", replaced(func(path string) error { return syscall.Mkfifo(path, 0o600) })},
	{"a directory", replaced(func(path string) error {
		return errors.Join(os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, "file"), []byte("kept"), 0o600))
	})},
}

// replaced puts what make makes in the place of a file, in one step: what is damaged may be
// repaired at any time.
func replaced(make func(path string) error) func(string) error {
	return func(path string) error {
		dir, err := os.MkdirTemp("", "rdd")
		if err != nil {
			return err
		}
		made := filepath.Join(dir, filepath.Base(path))
		if err := make(made); err != nil {
			return err
		}
		err = unix.Renameat2(unix.AT_FDCWD, made, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
		if errors.Is(err, fs.ErrNotExist) {
			err = os.Rename(made, path)
		}
		return errors.Join(err, os.RemoveAll(dir))
	}
}

// damage damages a file, unless it is a socket or not there and the way does not fit that.
func damage(t *testing.T, path string, do func(string) error) {
	t.Helper()
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	must(t, err)
	if info.Mode()&fs.ModeSocket != 0 {
		must(t, os.Remove(path))
		must(t, os.WriteFile(path, []byte("it was a socket"), 0o600))
	}
	must(t, do(path))
}

func TestAllFilesOfAnInstanceAreKnown(t *testing.T) {
	h := newFakeHost(t)
	running(t, h)
	entries, err := os.ReadDir(string(h.dir()))
	must(t, err)
	var names []string
	for _, entry := range entries {
		if !slices.Contains(otherFiles, entry.Name()) && !slices.Contains(imageFiles, entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	if !slices.Equal(names, instanceFiles) {
		t.Errorf("got %q, want %q: what happens when a new file is lost?", names, instanceFiles)
	}
}

// TestEachFileDamaged damages each file of a machine that runs, and again when it has stopped.
// Every call returns. The machine stops and starts again, or its state says what is wrong and how
// to cure it. The disk stays as it is.
func TestEachFileDamaged(t *testing.T) {
	h := newFakeHost(t)
	e, _ := running(t, h)
	for _, name := range slices.Concat(instanceFiles, otherFiles) {
		for _, way := range damages {
			if !t.Run(name+" "+way.name, func(t *testing.T) { h.survives(t, e, name, way.do) }) {
				return
			}
		}
	}
}

// survives damages a file of the machine, which runs before and after.
func (h *fakeHost) survives(t *testing.T, e *qemu.Engine, name string, do func(string) error) {
	path := filepath.Join(string(h.dir()), name)
	disk, err := os.ReadFile(h.dir().Disk())
	must(t, err)
	damage(t, path, do)
	answers(t, e)
	if err := e.Stop(t.Context(), owner, "x", vm.StopShutdown); err != nil {
		must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	}
	await(t, e, "stopped", in(vm.PhaseStopped, vm.PhaseBroken))
	damage(t, path, do)
	state := answers(t, e)
	if state.Phase == vm.PhaseBroken {
		if f := state.Failure; f == nil || f.Fault.Kind != vm.FaultBroken || !strings.Contains(f.Fault.Text, path) || f.Fault.Hint == "" {
			t.Errorf("broken without a way out: %+v", f)
		}
		if err := e.Start(t.Context(), owner, "x"); vm.FaultOf(err) == nil || vm.FaultOf(err).Kind != vm.FaultBroken {
			t.Errorf("starting a broken machine: %v", err)
		}
		must(t, os.RemoveAll(path))
		must(t, os.WriteFile(path, disk, 0o600))
	}
	must(t, e.Apply(t.Context(), spec(guestTemplate)))
	awaitStart(t, e)
	if state := await(t, e, "running again", in(vm.PhaseRunning, vm.PhaseStopped)); state.Phase != vm.PhaseRunning {
		t.Errorf("not started again: %v", state.Failure)
	}
	if after, err := os.ReadFile(h.dir().Disk()); err != nil || !bytes.Equal(disk, after) {
		t.Errorf("the disk has changed: %v", err)
	}
}

// answers checks that the calls that only read return, and returns the state.
func answers(t *testing.T, e *qemu.Engine) vm.State {
	t.Helper()
	state, err := e.Observe(t.Context(), "x")
	must(t, err)
	if state.Owner != owner {
		t.Errorf("the owner is lost: %+v", state)
	}
	all, err := e.List(t.Context())
	if err != nil || len(all) != 1 {
		t.Errorf("the list: %+v, %v", all, err)
	}
	if _, err := e.Directory(t.Context(), "x"); err != nil {
		t.Errorf("the directory: %v", err)
	}
	_, _ = e.History(t.Context(), "x") // an error says what is wrong
	return state
}

// TestDeleteWithEveryFileDamaged damages all files but the copy of the record at once, of a machine
// that runs and of one that is stopped. A deletion ends all processes and removes everything.
func TestDeleteWithEveryFileDamaged(t *testing.T) {
	for _, way := range damages {
		for _, up := range []bool{true, false} {
			t.Run(way.name, func(t *testing.T) {
				h := newFakeHost(t)
				e, _ := running(t, h)
				run := h.run(t)
				if !up {
					must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
					await(t, e, "stopped", in(vm.PhaseStopped))
				}
				for _, name := range slices.Concat(instanceFiles, otherFiles) {
					// Without its lock and its identity a process cannot be found; one of them
					// stays.
					if name != "rdd.json.bak" && name != "run.json" {
						damage(t, filepath.Join(string(h.dir()), name), way.do)
					}
				}
				must(t, e.Delete(t.Context(), owner, "x"))
				await(t, e, "deleted", deleted)
				if run.Hostagent.Alive() || run.QEMU.Alive() {
					t.Error("a process outlives its instance")
				}
			})
		}
	}
}

// TestBothRecordsDamaged: whose the directory is cannot be read. It is not deleted, but can be set
// aside with its disk, after its processes have ended.
func TestBothRecordsDamaged(t *testing.T) {
	for _, way := range damages {
		for _, up := range []bool{true, false} {
			t.Run(way.name, func(t *testing.T) {
				h := newFakeHost(t)
				e := h.engine(t) // nobody adopts: that would repair the one while the other is damaged
				must(t, e.Apply(t.Context(), spec(guestTemplate)))
				await(t, e, "created", in(vm.PhaseStopped))
				must(t, e.Start(t.Context(), owner, "x"))
				await(t, e, "running", in(vm.PhaseRunning))
				run := h.run(t)
				if !up {
					must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
					await(t, e, "stopped", in(vm.PhaseStopped))
				}
				disk, err := os.ReadFile(h.dir().Disk())
				must(t, err)
				must(t, way.do(h.dir().RecordFile()))
				must(t, way.do(h.dir().RecordCopy()))
				h.setsAside(t, e, disk)
				if run.Hostagent.Alive() || run.QEMU.Alive() {
					t.Error("a process outlives its instance")
				}
			})
		}
	}
}

func (h *fakeHost) setsAside(t *testing.T, e *qemu.Engine, disk []byte) {
	t.Helper()
	state, err := e.Observe(t.Context(), "x")
	if err != nil || !state.Damaged || state.Phase != vm.PhaseBroken || state.Failure.Fault.Kind != vm.FaultBroken {
		t.Fatalf("%+v, %v", state, err)
	}
	var damaged *vm.DamagedError
	for what, err := range map[string]error{
		"start": e.Start(t.Context(), owner, "x"), "stop": e.Stop(t.Context(), owner, "x", vm.StopForce),
		"apply": e.Apply(t.Context(), spec(guestTemplate)), "delete": e.Delete(t.Context(), owner, "x"),
	} {
		if !errors.As(err, &damaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, e.SetAside(t.Context(), owner, "x"))
	await(t, e, "set aside", deleted)
	all, err := e.Directories(t.Context())
	if err != nil || len(all) != 1 || !all[0].SetAside {
		t.Fatalf("%+v, %v", all, err)
	}
	after, err := os.ReadFile(vmdir.Dir(all[0].Path).Disk())
	if err != nil || !bytes.Equal(disk, after) {
		t.Errorf("the disk was not kept: %v", err)
	}
	must(t, e.SetAside(t.Context(), owner, "x"))
}

// TestOnlyDamagedDirectoriesAreSetAside: one whose owner can be read, and one of somebody else,
// stay.
func TestOnlyDamagedDirectoriesAreSetAside(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	var taken *vm.NameTakenError
	if err := e.SetAside(t.Context(), owner, "x"); !errors.As(err, &taken) || taken.Owner != owner {
		t.Errorf("its own: %v", err)
	}
	addForeign(t, filepath.Join(h.home, "y"))
	if err := e.SetAside(t.Context(), owner, "y"); !errors.As(err, &taken) {
		t.Errorf("somebody's: %v", err)
	}
}
