// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"os"
	"path"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// beginIn is the line that changes into the directory to begin in; empty for the guest's home.
func beginIn(s *session.Session, o Options) string {
	if o.Workdir != "" {
		return "cd " + sshx.Quote(o.Workdir) + " || exit 1\n"
	}
	if dir := mountedWorkdir(s, o.Name); dir != "" {
		return "cd " + sshx.Quote(dir) + " 2>/dev/null\n"
	}
	return ""
}

// mountedWorkdir is where the guest has the directory that this process is in; empty when it has not. What
// cannot be found out is no reason not to open a shell.
func mountedWorkdir(s *session.Session, name string) string {
	inst, err := s.Instance()
	if err != nil {
		return ""
	}
	here, err := os.Getwd()
	if err != nil {
		return ""
	}
	dir := vmdir.In(inst.LimaHome(), name)
	record, err := dir.ReadRecord()
	if err != nil {
		return ""
	}
	start, err := dir.ReadStart()
	if err != nil {
		return ""
	}
	t, err := guest.Template(dir, record, start)
	if err != nil {
		return ""
	}
	return mountedAt(here, t.Mounts)
}

// mountedAt is where the deepest mount that holds dir shows it.
func mountedAt(dir string, mounts []template.Mount) string {
	best, at := "", ""
	for _, m := range mounts {
		rest, err := filepath.Rel(m.Location, dir)
		if err != nil || !filepath.IsLocal(rest) || len(m.Location) < len(best) {
			continue
		}
		best, at = m.Location, path.Join(m.MountPoint, filepath.ToSlash(rest))
	}
	return at
}
