// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
)

// diskEngine keeps disks in memory; the machine dev has the one that is called used.
type diskEngine struct {
	vm.Engine
	disks []vm.Disk
}

func (e *diskEngine) Disks(context.Context) ([]vm.Disk, error) { return e.disks, nil }

func (e *diskEngine) find(name string) error {
	for _, d := range e.disks {
		if d.Name == name && d.UsedBy != "" {
			return &vm.DiskInUseError{Disk: name, By: d.UsedBy}
		}
		if d.Name == name {
			return nil
		}
	}
	return fmt.Errorf("disk %s: %w", name, vm.ErrNotFound)
}

func (e *diskEngine) CreateDisk(_ context.Context, name string, size int64) error {
	if e.find(name) == nil {
		return fs.ErrExist
	}
	e.disks = append(e.disks, vm.Disk{Name: name, Size: size})
	return nil
}

func (e *diskEngine) ResizeDisk(_ context.Context, name string, _ int64) error { return e.find(name) }

func (e *diskEngine) DeleteDisk(_ context.Context, name string) error { return e.find(name) }

// inOwnHome gives a test a home without instances.
func inOwnHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, name := range []string{"XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "RDD_SHORT_DIR", "RDD_INSTANCE"} {
		t.Setenv(name, "")
	}
	return home
}

// TestTheLastDiskLeavesNothing: of an instance that is gone. What else is there stays.
func TestTheLastDiskLeavesNothing(t *testing.T) {
	for other, want := range map[string]string{"": "", "lima/dev": ".rd2 .rd2/lima .rd2/lima/dev", "mine": ".rd2 .rd2/mine"} {
		home := inOwnHome(t)
		for _, dir := range []string{"lima", other} {
			if err := os.MkdirAll(filepath.Join(home, ".rd2", dir), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		engine := &diskEngine{disks: []vm.Disk{{Name: "data"}}}
		s := &session.Session{Engine: func(instance.Instance) vm.Engine { return engine }}
		s.Out, s.Err = io.Discard, io.Discard
		cmd := diskCommand(s)
		cmd.SetArgs([]string{"delete", "data"})
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Error(err)
		}
		var left []string
		err := filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
			if name, _ := filepath.Rel(home, path); name != "." {
				left = append(left, filepath.ToSlash(name))
			}
			return err
		})
		if got := strings.Join(left, " "); err != nil || got != want {
			t.Errorf("with %q: left is %q, want %q, %v", other, got, want, err)
		}
	}
}

func TestDiskCommands(t *testing.T) {
	inOwnHome(t)
	engine := &diskEngine{disks: []vm.Disk{{Name: "used", Size: 1 << 30, Used: 1 << 20, UsedBy: "dev"}}}
	for _, tt := range []struct{ line, out, err string }{
		{"create data --size 1GiB", "Created the disk data. To use it in a template: additionalDisks: [data]\n", ""},
		{"create data --size 1GiB", "", "there is a disk data already; to see it: rdd limavm disk list"},
		{"create ../x --size 1GiB", "", `the name "../x" is not valid`},
		{"create x --size 1M", "", `--size must be a size such as 50GiB, of at least 16MiB; got "1M"`},
		{"create x", "", `required flag(s) "size" not set`},
		{"create x --size big", "", `got "big"`},
		{"resize data --size 2GiB", "The disk data has 2GiB.\n", ""},
		{"resize used --size 2GiB", "", "the disk used is in use by the virtual machine dev; to stop it: rdd limavm stop dev"},
		{"resize none --size 2GiB", "", `there is no disk "none"; to see which there are: rdd limavm disk list`},
		{"delete data data", "Deleted the disk data.\n", ""},
		{"delete data none used", "Deleted the disk data.\n", `there is no disk "none"`},
		{"list -o json", `"usedBy": "dev"`, ""},
		{"list", "used   1GiB   1MiB      dev\n", ""},
	} {
		var out strings.Builder
		s := &session.Session{Engine: func(instance.Instance) vm.Engine { return engine }}
		s.Out, s.Err = &out, &out
		cmd := diskCommand(s)
		cmd.SetArgs(strings.Fields(tt.line))
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		err := cmd.ExecuteContext(t.Context())
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) || !strings.Contains(out.String(), tt.out) {
			t.Errorf("%s: %v\n%s", tt.line, err, out.String())
		}
	}
}
