// SPDX-License-Identifier: Apache-2.0

// Package share prepares a template's mounts: it decides which directories of the host QEMU
// exports, and hides rdd's own directories, which hold keys and tokens, from every guest.
//
// The guest's root can undo whatever is arranged inside the guest, so hiding happens on the host.
// When a shared directory contains one of rdd's own, QEMU runs in a mount namespace of its own and
// exports a view: the directory mounted once more, with empty directories mounted over rdd's. The
// host's other processes do not see these mounts. What covers a directory is lost when the host
// removes that directory. So rdd's own are below a few parents that stay, and these are covered.
//
// Tests of views are skipped where the host refuses namespaces. Mounts in a real guest are tested
// in test/e2e.
package share

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// Share is a directory of the host in a guest.
type Share struct {
	// Field is its path in the template: "mounts[0]".
	Field string
	// Tag is the name of the 9p device that the guest mounts.
	Tag string
	// Export is the directory that QEMU serves: the location itself, or the view of it.
	Export string
	// MountPoint in the guest.
	MountPoint string
	// Writable from the guest.
	Writable bool

	mounts []process.Mount
}

// Set is what a machine shares, in the order in which the guest mounts it: a directory before those
// inside.
type Set []Share

// forbidden directories of the host are the kernel's: through them its other processes, keys and
// all, could be read.
var forbidden = []string{"/dev", "/proc", "/sys"}

// Prepare decides what to export for the mounts of an expanded template. private are rdd's own
// directories, and links to them; views is a directory in one of them, for the mount points of
// views. A writable location that does not exist is made, as Lima does.
//
// A *vm.InvalidSpecError names a mount that is not possible.
func Prepare(mounts []template.Mount, private []string, views string) (Set, error) {
	hidden, err := hide(private)
	if err != nil {
		return nil, err
	}
	set := make(Set, 0, len(mounts))
	for i, m := range mounts {
		s := Share{Field: fmt.Sprintf("mounts[%d]", i), Tag: fmt.Sprintf("mount%d", i), MountPoint: m.MountPoint, Writable: m.Writable}
		location, err := locate(m)
		if err != nil {
			return nil, &vm.InvalidSpecError{Field: s.Field + ".location", Reason: err.Error()}
		}
		if err := s.arrange(location, hidden, filepath.Join(views, s.Tag)); err != nil {
			return nil, &vm.InvalidSpecError{Field: s.Field + ".location", Reason: err.Error()}
		}
		set = append(set, s)
	}
	slices.SortStableFunc(set, func(a, b Share) int { return strings.Compare(a.MountPoint, b.MountPoint) })
	return set, set.makeViews()
}

// CheckUnmoved returns a *vm.InvalidSpecError if a location leads to another directory than in
// before, which is empty or was prepared for the same mounts. A guest that can write to the parent
// of a location is able to make a link of it.
func (s Set) CheckUnmoved(before Set) error {
	for i := range before {
		if was, is := before[i].source(), s[i].source(); was != is {
			return &vm.InvalidSpecError{Field: s[i].Field + ".location", Reason: fmt.Sprintf(
				"leads to %s by now, and the machine has had %s mounted; to mount the other one, restart the machine", is, was)}
		}
	}
	return nil
}

// source is the directory of the host that is shared, without symbolic links.
func (s *Share) source() string {
	if len(s.mounts) > 0 {
		return s.mounts[0].Source
	}
	return s.Export
}

// locate returns the path of a mount's location without symbolic links, and makes a writable one.
func locate(m template.Mount) (string, error) {
	if m.Writable {
		if err := os.MkdirAll(m.Location, 0o755); err != nil {
			return "", fmt.Errorf("does not exist and cannot be made: %w", err)
		}
	}
	location, err := filepath.EvalSymlinks(m.Location)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("does not exist on this host: %s; make it, correct the path, or set `writable: true`, which makes it", m.Location)
	}
	if err != nil {
		return "", fmt.Errorf("cannot be found: %w", err)
	}
	return location, checkDirectory(location)
}

// checkDirectory refuses what is no readable directory, and the kernel's file systems.
func checkDirectory(location string) error {
	info, err := os.Stat(location)
	if err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("must be a directory; %s is a file", location)
	}
	f, err := os.Open(location)
	if err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	for _, dir := range forbidden {
		if within(location, dir) || within(dir, location) {
			return fmt.Errorf("must not be or contain %s, through which the host's other programs can be read; got %s", dir, location)
		}
	}
	return nil
}

// arrange decides what is exported for location: the directory itself, or a view without the hidden
// ones.
func (s *Share) arrange(location string, hidden hidden, view string) error {
	s.Export = location
	inView := func(path string) string { return view + strings.TrimPrefix(path, strings.TrimSuffix(location, "/")) }
	for _, dir := range hidden.covers {
		if within(location, dir) {
			return fmt.Errorf("must not be in rdd's own directory %s, which guests never see", dir)
		}
		if !within(dir, location) {
			continue
		}
		if s.Export == location {
			s.Export, s.mounts = view, []process.Mount{{Source: location, Target: view}}
		}
		s.mounts = append(s.mounts, process.Mount{Target: inView(dir), Dirs: hidden.inside[dir]})
	}
	if s.Export == location || !s.Writable {
		return nil
	}
	for _, link := range hidden.links {
		if within(link, location) {
			s.mounts = append(s.mounts, process.Mount{Source: link, Target: inView(link)})
		}
	}
	return nil
}

// within reports whether path is dir or below it. Both are clean.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// makeViews makes the empty directories on which QEMU's namespace mounts the views.
func (s Set) makeViews() error {
	for _, share := range s {
		if share.mounts == nil {
			continue
		}
		for _, dir := range []string{filepath.Dir(share.Export), share.Export} {
			if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("making a place for a view: %w", err)
			}
		}
	}
	return nil
}

// mounts are those in QEMU's namespace; nil when there is no view.
func (s Set) mounts() []process.Mount {
	var all []process.Mount
	for _, share := range s {
		all = append(all, share.mounts...)
	}
	return all
}

// ViewCommand is the hidden command of rdd by which Command starts QEMU.
const ViewCommand = "with-views"

// writable reports whether the guest may write to one of the directories.
func (s Set) writable() bool {
	return slices.ContainsFunc(s, func(share Share) bool { return share.Writable })
}

// Command returns the command that runs QEMU with the views; QEMU's own command when there are
// none. executable is rdd, or any program whose command ViewCommand calls Exec.
//
// Where something is writable, QEMU may use the user's own files whatever their modes say. A file
// that a program opens can be written from then on, even if its mode forbids that. QEMU opens files
// by their names each time, such as for ftruncate(2), and would be refused. The guest's kernel
// checks the modes.
func (s Set) Command(executable string, qemu process.Command) (process.Command, error) {
	qemu.OwnFiles = s.writable()
	mounts := s.mounts()
	if mounts == nil {
		return qemu, nil
	}
	data, err := json.Marshal(mounts)
	if err != nil {
		return process.Command{}, fmt.Errorf("describing the views: %w", err)
	}
	qemu.Args = append([]string{ViewCommand, string(data), qemu.Path}, qemu.Args...)
	qemu.Path, qemu.PrivateMounts = executable, true
	return qemu, nil
}

// Try checks whether this host allows views: it runs a harmless program with the directory dir
// hidden from it. Its error is that of Explain.
func Try(ctx context.Context, executable, dir string, program process.Command) error {
	command, err := Set{{mounts: []process.Mount{{Target: dir}}}}.Command(executable, program)
	if err != nil {
		return err
	}
	err = process.RunDetached(ctx, command)
	if _, ran := process.ExitCode(err); ran {
		err = fmt.Errorf("hiding a directory: %w", errors.Join(err, syscall.EPERM)) // what it was the program has said, to nobody
	}
	return Explain(err)
}

// Exec mounts the views in the process that Command describes and executes QEMU in its place. args
// are those after ViewCommand. It returns on failure only.
func Exec(args, env []string) error {
	var mounts []process.Mount
	if err := json.Unmarshal([]byte(args[0]), &mounts); err != nil {
		return fmt.Errorf("reading the views: %w", err)
	}
	return Explain(process.MountPrivately(mounts, args[1:], env))
}

// Explain adds a hint to the error of a command that was started with views, if the host has
// refused the namespaces. That is then a fault of kind vm.FaultHost.
func Explain(err error) error {
	if err == nil || !process.NamespaceRefused(err) {
		return err
	}
	return vm.WithKind(vm.FaultHost, fmt.Errorf("a mount contains rdd's own directories, which are hidden from guests "+
		"by a user and mount namespace, and this host refuses to make one (%w): "+
		"mount directories that do not contain them, for example your projects instead of your home, or allow user namespaces "+
		"(sysctl user.max_user_namespaces; on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0)", err))
}
