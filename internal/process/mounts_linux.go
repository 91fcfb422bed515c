// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// separate gives cmd the namespaces that c asks for. An ordinary user needs a user namespace
// (user_namespaces(7)). User and group are mapped to themselves in it: files keep their owners, and
// nobody gets access to what was out of reach before.
func separate(cmd *exec.Cmd, c Command) error {
	if c.PrivateMounts {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWNS
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if uid == 0 {
		return nil
	}
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	// Otherwise execve would take away what the namespace's first process may do.
	if c.PrivateMounts {
		cmd.SysProcAttr.AmbientCaps = append(cmd.SysProcAttr.AmbientCaps, unix.CAP_SYS_ADMIN)
	}
	if c.OwnFiles {
		// It counts for files whose owner and group are mapped (capabilities(7)).
		cmd.SysProcAttr.AmbientCaps = append(cmd.SysProcAttr.AmbientCaps, unix.CAP_DAC_OVERRIDE)
	}
	return nil
}

// Mount is a change to what a process sees of the file system.
type Mount struct {
	// Source is a directory that is mounted, with everything mounted below it, on Target as well. A
	// symbolic link can be mounted on itself, so that the program can neither rename nor remove it.
	// Empty: Target is covered by a directory that cannot be written to.
	Source string `json:"source,omitempty"`
	// Target exists. It is a directory if Source is one or empty.
	Target string `json:"target"`
	// Dirs are the names of the empty directories in the cover; none with a Source.
	Dirs []string `json:"dirs,omitempty"`
}

// MountPrivately makes the mounts, in their order, in this process's own mount namespace: it must
// have been started with PrivateMounts. Then it executes the program in its own place. The program
// cannot undo the mounts unless it runs as root. It sees what the host mounts and unmounts later;
// the host sees none of these mounts. It returns on failure only; NamespaceRefused recognises a
// host that does not allow this.
func MountPrivately(mounts []Mount, argv, env []string) error {
	// Capabilities belong to a thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("separating the mounts: %w", err)
	}
	if err := makeMounts(mounts); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_LOWER, unix.CAP_SYS_ADMIN, 0, 0); err != nil {
		return fmt.Errorf("giving up the right to mount: %w", err)
	}
	_, err := Replace(argv[0], argv, env)
	return fmt.Errorf("starting %s: %w", argv[0], err)
}

// makeMounts copies all sources before it mounts any, so that no mount shows up in the copy of
// another's source.
func makeMounts(mounts []Mount) error {
	trees := make([]int, len(mounts))
	for i, m := range mounts {
		if m.Source == "" {
			continue
		}
		const flags = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_RECURSIVE | unix.AT_SYMLINK_NOFOLLOW
		var err error
		if trees[i], err = unix.OpenTree(unix.AT_FDCWD, m.Source, flags); err != nil {
			return fmt.Errorf("showing %s in another place: %w", m.Source, err)
		}
	}
	for i, m := range mounts {
		if err := m.attach(trees[i]); err != nil {
			return fmt.Errorf("mounting on %s: %w", m.Target, err)
		}
	}
	return nil
}

// attach mounts the copy of the source, or a small file system of its own where there is none.
func (m Mount) attach(tree int) error {
	if m.Source != "" {
		return unix.MoveMount(tree, "", unix.AT_FDCWD, m.Target, unix.MOVE_MOUNT_F_EMPTY_PATH)
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	options := fmt.Sprintf("size=4k,mode=0700,uid=%d,gid=%d", os.Geteuid(), os.Getegid())
	if err := unix.Mount("none", m.Target, "tmpfs", flags, options); err != nil {
		return err
	}
	for _, name := range m.Dirs {
		if err := os.Mkdir(filepath.Join(m.Target, name), 0o500); err != nil {
			return err
		}
	}
	if err := os.Chmod(m.Target, 0o500); err != nil {
		return err
	}
	return unix.Mount("", m.Target, "", flags|unix.MS_REMOUNT|unix.MS_RDONLY, "")
}

// NamespaceRefused reports whether err says that the host does not let this user make namespaces,
// or mount in them.
func NamespaceRefused(err error) bool {
	// ENOSPC: user.max_user_namespaces is 0 or reached; EINVAL: the kernel was built without;
	// EACCES: AppArmor.
	for _, refusal := range []error{unix.EPERM, unix.EACCES, unix.ENOSPC, unix.EUSERS, unix.EINVAL, unix.ENOSYS} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// MountAliases returns every path by which this host's mounts show the directory path, which must
// be free of symbolic links: itself, and where bind mounts show it again. A path may be covered by
// another mount: callers check that it leads where they expect.
func MountAliases(path string) ([]string, error) {
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("reading the host's mounts: %w", err)
	}
	return mountAliases(mounts, path), nil
}

// mountAliases finds the mount that path lies on, and then the other mounts of the same device
// whose root holds the directory.
func mountAliases(mounts []*mountinfo.Info, path string) []string {
	on := &mountinfo.Info{}
	for _, m := range mounts {
		// The deepest mount counts, and of several on the same point the last.
		if _, below := cutDir(path, m.Mountpoint); below && len(m.Mountpoint) >= len(on.Mountpoint) {
			on = m
		}
	}
	aliases := []string{path}
	rest, _ := cutDir(path, on.Mountpoint)
	inside := joinDir(on.Root, rest)
	for _, m := range mounts {
		if rest, below := cutDir(inside, m.Root); below && m.Major == on.Major && m.Minor == on.Minor {
			if alias := joinDir(m.Mountpoint, rest); alias != path {
				aliases = append(aliases, alias)
			}
		}
	}
	return aliases
}

// cutDir returns what follows dir in path, with its leading slash; below is false when path is not
// in dir.
func cutDir(path, dir string) (rest string, below bool) {
	if dir == "/" {
		return strings.TrimSuffix(path, "/"), strings.HasPrefix(path, "/")
	}
	rest, below = strings.CutPrefix(path, dir)
	return rest, below && (rest == "" || rest[0] == '/')
}

// joinDir is the inverse of cutDir.
func joinDir(dir, rest string) string {
	if joined := strings.TrimSuffix(dir, "/") + rest; joined != "" {
		return joined
	}
	return "/"
}
