// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/offline"
)

// nobody is the user that the damaged instances belong to: nothing is unreadable to root.
const nobody = 65534

// ownFiles are the files that an instance has outside its VMs' directories and the image cache, as
// patterns of paths in the home directory. Each is damaged in turn.
var ownFiles = []string{
	".local/share/rancher-desktop-t/args.json",
	".local/share/rancher-desktop-t/daemon.json",
	".local/share/rancher-desktop-t/failure.json",
	".local/share/rancher-desktop-t/integration.json",
	".local/share/rancher-desktop-t/kubeconfig",
	".local/share/rancher-desktop-t/rdd.lock",
	".local/share/rancher-desktop-t/rdd.pid",
	".local/share/rancher-desktop-t/start.lock",
	".local/share/rancher-desktop-t/store.db",
	".local/share/rancher-desktop-t/store.db-shm",
	".local/share/rancher-desktop-t/store.db-wal",
	".local/share/rancher-desktop-t/store.db.before-*",
	".local/share/rancher-desktop-t/store.db.lineage",
	".local/share/rancher-desktop-t/store.db.open",
	".local/share/rancher-desktop-t/store.db.reserve",
	".local/share/rancher-desktop-t/backups/store-*.db",
	".local/share/rancher-desktop-t/tls/server.crt",
	".local/share/rancher-desktop-t/tls/server.key",
	".local/share/rancher-desktop-t/tls/service-account.key",
	".local/share/rancher-desktop-t/tls/token",
	".local/state/rancher-desktop-t/rdd.log",
	".local/state/rancher-desktop-t/rdd.log.1",
	".local/state/rancher-desktop-t/rdd.stdout.log",
	".local/share/rancher-desktop.d/dirs.lock",
	".local/state/rancher-desktop.d/dirs.lock",
	".rd.d/dirs.lock",
	".rd.d/parents.json",
	".cache/rancher-desktop/integration.lock",
}

// links are the public paths of its directories, and where they lead to.
var links = map[string]string{
	".local/share/rancher-desktop-t": ".local/share/rancher-desktop.d/t",
	".local/state/rancher-desktop-t": ".local/state/rancher-desktop.d/t",
	".rdt":                           ".rd.d/t",
}

// toolLinks lead out of the instance, to the program itself, which no damage may reach.
// TestLinkTools of internal/instance has what becomes of the links.
var toolLinks = []string{".rdt/bin/rdd", ".rdt/bin/kubectl"}

// publicName is the path by which everybody names a file or directory.
func publicName(path string) string {
	for public, real := range links {
		path = strings.Replace(path, real, public, 1)
	}
	return path
}

// ownDirs are its directories, which are damaged as well.
var ownDirs = []string{
	".local/share/rancher-desktop-t/backups",
	".local/share/rancher-desktop-t/tls",
	".local/share/rancher-desktop-t",
	".local/state/rancher-desktop-t",
	".local/state/rancher-desktop.d/t",
	".rd.d/t",
	".cache/rancher-desktop",
	".cache/rancher-desktop/images",
	".rdt",
	".rdt/bin",
	".rdt/lima",
}

// fileDamages and dirDamages are what happens to a file and to a directory.
var fileDamages = map[string]func(path string) error{
	"removed":    os.RemoveAll,
	"emptied":    func(path string) error { return os.Truncate(path, 0) },
	"garbage":    func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("garbage ", 2000)), 0o600) },
	"unreadable": func(path string) error { return os.Chmod(path, 0) },
	"a FIFO":     func(path string) error { return errors.Join(os.RemoveAll(path), syscall.Mkfifo(path, 0o600)) },
	"a directory": func(path string) error {
		return errors.Join(os.RemoveAll(path), os.MkdirAll(filepath.Join(path, "inside"), 0o700))
	},
	"truncated": func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, info.Size()/2)
	},
}

var dirDamages = map[string]func(path string) error{
	"removed":    os.RemoveAll,
	"unreadable": func(path string) error { return os.Chmod(path, 0) },
	"a file": func(path string) error {
		return errors.Join(os.RemoveAll(path), os.WriteFile(path, []byte("x"), 0o600))
	},
}

// damaged is one instance that is damaged.
type damaged struct {
	*testing.T
	home, rdd string
}

// command runs rdd to its end, which must come by itself.
func (d *damaged) command(args ...string) (output string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.rdd, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"HOME=" + d.home, "RDD_INSTANCE=" + scriptInstance, "PATH=" + os.Getenv("PATH")}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		d.Fatalf("rdd %s does not end:\n%s", strings.Join(args, " "), out)
	}
	return string(out), err
}

func (d *damaged) must(args ...string) string {
	d.Helper()
	output, err := d.command(args...)
	if err != nil {
		d.Fatalf("rdd %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

// newHome makes a home directory that is removed at the end of the test, with the daemons in it.
func newHome(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("", "rdd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = endDaemons(home) // what shows the daemon may be damaged: then there is none
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	return home
}

// own gives a tree to nobody, if this process may.
func own(t *testing.T, root string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, nobody, nobody))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// install puts this program where nobody can run it as rdd.
func install(t *testing.T) (rdd string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "rdd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	rdd = filepath.Join(dir, "rdd")
	self, err := os.Executable()
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), exec.Command("cp", self, rdd).Run(), os.Chmod(rdd, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	return rdd
}

// sample makes an instance with an App, whose daemon is killed, so that it has all the files that
// an instance can have.
func sample(t *testing.T, rdd string) *damaged {
	d := &damaged{T: t, home: newHome(t), rdd: rdd}
	if err := os.Mkdir(controls(d.home), 0o700); err != nil {
		t.Fatal(err)
	}
	own(t, d.home)
	inst := scriptPaths(d.home)
	d.must("service", "start")
	d.must("ctl", "create", "configmap", "kept")
	d.waitUntil("a backup", func() bool {
		backups, err := offline.Backups(inst)
		return err == nil && len(backups) > 0
	})
	d.must("service", "restore", "-y")
	d.must("start", "--timeout", "2m")
	d.waitUntil("the reserve", func() bool {
		_, err := os.Stat(inst.StoreFile() + ".reserve")
		return err == nil
	})
	_, daemon, err := client.Find(inst)
	if err == nil {
		err = errors.Join(daemon.Process.Signal(syscall.SIGKILL), daemon.Process.Wait(t.Context()))
	}
	for _, path := range []string{filepath.Join(inst.Dir, "failure.json"), filepath.Join(inst.LogDir, "rdd.log.1"), inst.IntegrationFile()} {
		if _, statErr := os.Stat(path); statErr != nil {
			err = errors.Join(err, os.WriteFile(path, []byte("{}\n"), 0o600))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	own(t, d.home)
	return d
}

func (d *damaged) waitUntil(what string, so func() bool) {
	d.Helper()
	deadline, tick := time.After(stopTimeout), time.NewTicker(stepInterval)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			d.Fatalf("there never was %s", what)
		}
	}
}

// enumerate returns the paths of the instance's files by their patterns. It fails the test for a
// file without a pattern, and for a pattern without a file.
func (d *damaged) enumerate() map[string]string {
	d.Helper()
	found := map[string]string{}
	for _, dir := range []string{".local", ".cache", ".rd.d"} {
		err := filepath.WalkDir(filepath.Join(d.home, dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			name, err := filepath.Rel(d.home, path)
			if links[name] != "" {
				return err
			}
			name = publicName(name)
			if entry.Type() == fs.ModeSymlink && slices.Contains(toolLinks, name) {
				return err
			}
			at := slices.IndexFunc(ownFiles, func(pattern string) bool {
				matched, err := filepath.Match(pattern, name)
				return err == nil && matched
			})
			if at < 0 {
				d.Errorf("rdd keeps %s, which this test does not know: add it to ownFiles", name)
			} else {
				found[ownFiles[at]] = name
			}
			return err
		})
		if err != nil {
			d.Fatal(err)
		}
	}
	for _, pattern := range ownFiles {
		if found[pattern] == "" {
			d.Errorf("there is no %s any more", pattern)
		}
	}
	return found
}

// TestDamagedInstance damages each file and directory of an instance whose daemon does not run, in
// each way. The daemon starts, or says at once what is wrong, with the way out; when that is gone,
// the instance can be deleted. Nothing blocks.
func TestDamagedInstance(t *testing.T) {
	rdd := install(t)
	whole := sample(t, rdd)
	files := whole.enumerate()
	for _, pattern := range ownFiles {
		for how, damage := range fileDamages {
			t.Run(filepath.Base(pattern)+", "+how, func(t *testing.T) { whole.copyOf(t).survive(files[pattern], damage) })
		}
	}
	for _, dir := range ownDirs {
		for how, damage := range dirDamages {
			t.Run(dir+", "+how, func(t *testing.T) { whole.copyOf(t).survive(dir, damage) })
		}
	}
}

// copyOf copies an instance.
func (d *damaged) copyOf(t *testing.T) *damaged {
	t.Parallel()
	home := newHome(t)
	if out, err := exec.Command("cp", "-a", d.home+"/.", home).CombinedOutput(); err != nil {
		t.Fatalf("copying an instance: %v\n%s", err, out)
	}
	return &damaged{T: t, home: home, rdd: d.rdd}
}

// survive damages a file or directory, and expects what TestDamagedInstance promises.
func (d *damaged) survive(name string, damage func(string) error) {
	path := filepath.Join(d.home, name)
	if err := damage(path); err != nil {
		d.Fatal(err)
	}
	if _, err := os.Lstat(path); err == nil && os.Getuid() == 0 {
		_ = os.Lchown(path, nobody, nobody)
	}
	output, err := d.command("service", "start", "--timeout", "1m")
	if strings.HasSuffix(name, "args.json") && !exists(path) {
		d.must("service", "delete", "--timeout", "1m") // there is no instance any more, or a new one
		return
	}
	if err != nil {
		d.wayOut(path, output)
		output = d.must("service", "start", "--timeout", "1m")
	}
	if output, err := d.command("ctl", "get", "namespaces"); err != nil {
		d.wayOut(path, output)
		d.waitUntil("an answer of the API", func() bool {
			_, err := d.command("ctl", "get", "namespaces")
			return err == nil
		})
	}
	d.must("service", "delete", "--timeout", "1m")
	if exists(filepath.Join(d.home, ".local/share/rancher-desktop-t")) {
		d.Errorf("the instance is still there; it was started with: %s", output)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

var command = regexp.MustCompile(`rdd (service restore(?: --empty)?)(?:;|$|\n| )`)

// wayOut goes the way that the error of a start names: a command, or the thing at that path is
// moved away, or made readable.
func (d *damaged) wayOut(path, output string) {
	d.Helper()
	for _, silent := range []string{"without a word", "deadline exceeded", "goes on starting"} {
		if strings.Contains(output, silent) {
			d.Fatalf("the start does not say what is wrong: %s", output)
		}
	}
	if named := command.FindStringSubmatch(output); named != nil {
		d.must(append(strings.Fields(named[1]), "-y")...)
		return
	}
	if !strings.Contains(output, path) && !strings.Contains(output, publicName(path)) {
		d.Fatalf("the start does not name %s: %s", path, output)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm() == 0 {
		if err := os.Chmod(path, 0o700); err != nil {
			d.Fatal(err)
		}
		return
	}
	aside := fmt.Sprintf("%s/aside", d.home)
	if err := os.Rename(path, aside); err != nil {
		d.Fatal(err)
	}
}
