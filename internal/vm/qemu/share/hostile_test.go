// SPDX-License-Identifier: Apache-2.0

//go:build linux

package share

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// secret is the content of each file that no guest may see.
const secret = "secret of rdd"

// exposed is what rdd says instead of writing where a guest would see it.
const exposed = "would be seen by guests"

// host is a user's home in which instances are made, and a guest looks for their secrets.
type host struct {
	t    *testing.T
	home string
}

func newHost(t *testing.T) host {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	for _, name := range []string{"XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "RDD_INSTANCE"} {
		t.Setenv(name, "")
	}
	return host{t: t, home: home}
}

func (h host) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h host) path(name string) string { return filepath.Join(h.home, name) }

func (h host) instance(name string) instance.Instance {
	h.t.Helper()
	inst, err := instance.Resolve(name)
	h.must(err)
	return inst
}

// make makes an instance and its secrets, as a start of the daemon does.
func (h host) make(name string) error {
	h.t.Helper()
	inst := h.instance(name)
	if err := inst.MakeDirs(); err != nil {
		return err
	}
	for _, file := range []string{
		filepath.Join(inst.TLSDir(), "token"), inst.ConfigFile(), filepath.Join(inst.LimaHome(), "key"), filepath.Join(inst.LogDir, "rdd.log"),
	} {
		h.must(os.WriteFile(file, []byte(secret), 0o600))
	}
	return nil
}

// hostileGuest is a program in QEMU's place, which has the view of the home open and does in it
// what its standard input says.
type hostileGuest struct {
	host
	id    process.Identity
	lines *os.File
	out   *bufio.Reader
	ended <-chan error
}

const hostileScript = `exec 9<"${4#path=}" && cd /proc/self/fd/9 || exit 1
echo END
while read -r line; do eval "$line" 2>&1; echo END; done`

// guest starts a machine of an instance with a mount of the home. private is what the view hides.
func (h host) guest(inst instance.Instance, private []string, writable bool) *hostileGuest {
	h.t.Helper()
	views := filepath.Join(inst.LimaHome(), "x", "views")
	h.must(os.MkdirAll(filepath.Dir(views), 0o700))
	set, err := Prepare([]template.Mount{{Location: h.home, MountPoint: "/x", Writable: writable}}, private, views)
	h.must(err)
	self, err := os.Executable()
	h.must(err)
	command, err := set.Command(self, process.Command{
		Path: "/bin/sh", Args: []string{"-c", hostileScript, "qemu", "-name", "guest=hostile", "-fsdev", "path=" + set[0].Export}, Dir: "/",
	})
	h.must(err)
	stdin, lines, err := os.Pipe()
	h.must(err)
	out, stdout, err := os.Pipe()
	h.must(err)
	command.Stdin, command.Stdout, command.Stderr = stdin, stdout, stdout
	g := &hostileGuest{host: h, lines: lines, out: bufio.NewReader(out)}
	g.id, g.ended, err = process.StartDetached(command)
	h.must(errors.Join(stdin.Close(), stdout.Close()))
	if err != nil && process.NamespaceRefused(err) {
		h.t.Skipf("SKIPPED: this host makes no namespaces: %v", err)
	}
	h.must(err)
	h.t.Cleanup(g.end)
	if text := g.answer(); text != "" {
		h.t.Fatalf("the guest says %q", text)
	}
	return g
}

func (g *hostileGuest) end() {
	if g.id.Alive() {
		g.must(g.id.Signal(syscall.SIGKILL))
		<-g.ended
	}
}

// do runs a line of shell in the guest's mount, and returns what it writes.
func (g *hostileGuest) do(line string) string {
	g.t.Helper()
	if _, err := fmt.Fprintln(g.lines, line); err != nil {
		g.t.Fatal(err)
	}
	return g.answer()
}

func (g *hostileGuest) answer() string {
	g.t.Helper()
	var text strings.Builder
	for {
		line, err := g.out.ReadString('\n')
		if err != nil {
			g.t.Fatalf("the guest ended: %v: %s%s", err, &text, line)
		}
		if line == "END\n" {
			return strings.TrimSpace(text.String())
		}
		text.WriteString(line)
	}
}

// seesNothing checks that the guest finds no secret, and that there are some.
func (g *hostileGuest) seesNothing(after string) {
	g.t.Helper()
	if found := g.do("grep -rls '" + secret + "' ."); found != "" {
		g.t.Errorf("after %s the guest sees %s", after, found)
	}
	if found := g.do("find . -name token -o -name key -o -name kubeconfig -o -name rdd.log"); found != "" {
		g.t.Errorf("after %s the guest sees %s", after, found)
	}
	names, err := instance.List()
	g.must(err)
	for _, name := range append(names, "2") {
		// What is written from now on is hidden, too, whether or not the directory was made again.
		if err := g.make(name); err != nil && !strings.Contains(err.Error(), exposed) {
			g.t.Errorf("after %s: %v", after, err)
		}
	}
	if found := g.do("grep -rls '" + secret + "' ."); found != "" {
		g.t.Errorf("after %s the guest sees what was written again: %s", after, found)
	}
}

// refused checks that an instance is not made where the guest would see it.
func (g *hostileGuest) refused(name, after string) {
	g.t.Helper()
	err := g.make(name)
	want := fmt.Sprintf(`"hostile" (process %d)`, g.id.PID)
	if err == nil || !strings.Contains(err.Error(), want) {
		g.t.Errorf("after %s instance %s: %v; want a refusal that names %s", after, name, err, want)
	}
	if found := g.do("grep -rls '" + secret + "' ."); found != "" {
		g.t.Errorf("after %s the guest sees %s", after, found)
	}
}

// attacked is a host with a running guest of instance 2.
func attacked(t *testing.T, writable bool) *hostileGuest {
	t.Helper()
	h := newHost(t)
	h.must(h.make("2"))
	h.must(os.WriteFile(h.path("open"), []byte("open\n"), 0o600))
	hidden, err := instance.Hidden()
	h.must(err)
	g := h.guest(h.instance("2"), hidden, writable)
	if got := g.do("cat open"); got != "open" {
		t.Fatalf("the guest sees %q", got)
	}
	return g
}

// The directories of instance 2 by both paths.
var (
	links = []string{".rd2", ".local/share/rancher-desktop-2", ".local/state/rancher-desktop-2"}
	reals = []string{".rd.d/2", ".local/share/rancher-desktop.d/2", ".local/state/rancher-desktop.d/2"}
)

// TestHostChangesShowNothing: whatever the host does to directories below the hidden parents, they
// and what is made in their place stay hidden from a guest that runs.
func TestHostChangesShowNothing(t *testing.T) {
	for name, change := range map[string]func(g *hostileGuest, path string) error{
		"nothing":  func(*hostileGuest, string) error { return nil },
		"removal":  func(g *hostileGuest, path string) error { return os.RemoveAll(g.path(path)) },
		"renaming": func(g *hostileGuest, path string) error { return os.Rename(g.path(path), g.path(path)+"-old") },
		"an empty directory": func(g *hostileGuest, path string) error {
			return errors.Join(os.RemoveAll(g.path(path)), os.Mkdir(g.path(path), 0o755))
		},
		"a removed instance": func(g *hostileGuest, path string) error { return g.instance("2").RemoveDir(g.path(path)) },
		"a link of the users": func(g *hostileGuest, path string) error {
			return os.Symlink(g.path(path), g.path("mine"+filepath.Base(path)))
		},
		"removal of a file": func(g *hostileGuest, path string) error { return os.RemoveAll(g.path(path) + "/kubeconfig") },
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range slices.Concat(links, reals) {
				if name == "renaming" && slices.Contains(reals, path) {
					continue // below
				}
				g := attacked(t, true)
				g.must(change(g, path))
				g.seesNothing(name + " of " + path)
				g.must(g.make("3"))
				g.seesNothing("a new instance")
			}
		})
	}
}

// TestRenamedInParent: a directory that the host renames within its parent, or whose parent it
// renames and renames back.
func TestRenamedInParent(t *testing.T) {
	for _, path := range reals {
		g := attacked(t, false)
		g.must(os.Rename(g.path(path), g.path(path)+"-old"))
		g.seesNothing("renaming " + path)
		parent := g.path(filepath.Dir(path))
		g.must(os.Rename(parent, parent+"-away"))
		g.refused("2", "renaming the parent")
		g.must(os.Rename(parent+"-away", parent))
		g.must(g.make("2"))
		g.seesNothing("renaming the parent back")
	}
}

// TestParentMadeAnew: a parent that was removed, renamed or copied is no longer hidden, so rdd
// writes nothing to it while the guest runs.
func TestParentMadeAnew(t *testing.T) {
	for name, change := range map[string]func(h host, parent string) error{
		"removal":           func(_ host, parent string) error { return os.RemoveAll(parent) },
		"another directory": func(_ host, parent string) error { return errors.Join(os.RemoveAll(parent), os.Mkdir(parent, 0o700)) },
		"renaming":          func(_ host, parent string) error { return os.Rename(parent, parent+"-old") },
		"a link": func(h host, parent string) error {
			return errors.Join(os.RemoveAll(parent), os.Mkdir(h.path("mine"), 0o700), os.Symlink(h.path("mine"), parent))
		},
		"removal of the directory above": func(h host, parent string) error {
			if above := filepath.Dir(parent); above != h.home {
				return os.RemoveAll(above)
			}
			return os.RemoveAll(parent)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range reals {
				g := attacked(t, true)
				g.must(change(g.host, g.path(filepath.Dir(path))))
				g.refused("2", name)
				g.refused("3", name)
				g.end()
				g.must(g.make("2"))
			}
		})
	}
}

// TestOtherBases: with other XDG_* variables the parents are others. What is made after the guest's
// start is refused where it sees it; what was made before is hidden from it.
func TestOtherBases(t *testing.T) {
	for _, variable := range []string{"XDG_DATA_HOME", "XDG_STATE_HOME"} {
		t.Run(variable, func(t *testing.T) {
			g := attacked(t, true)
			t.Setenv(variable, g.path("visible"))
			g.refused("4", "a change of "+variable)
			t.Setenv(variable, t.TempDir())
			g.must(g.make("4"))
			t.Setenv(variable, "")
			g.seesNothing("an instance elsewhere")
			g.end()

			t.Setenv(variable, g.path("visible"))
			g.must(g.make("5"))
			t.Setenv(variable, "")
			hidden, err := instance.Hidden()
			g.must(err)
			g.guest(g.instance("2"), hidden, true).seesNothing("an instance made before, with other variables")
		})
	}
}

// TestOlderGuest: a guest that was started before there were hidden parents does not see the
// directories that were hidden from it then. They stay where they are until it has ended, and no
// others are made.
func TestOlderGuest(t *testing.T) {
	h := newHost(t)
	inst := h.instance("2")
	for _, dir := range []string{inst.Dir, inst.LogDir, inst.LimaHome()} {
		h.must(os.MkdirAll(dir, 0o700))
	}
	old := []string{inst.Dir, inst.LogDir, inst.ShortDir}
	g := h.guest(inst, old, true)
	h.must(h.make("2"))
	g.seesNothing("a new version of rdd")
	g.refused("3", "a new version of rdd")
	for _, dir := range old {
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
			t.Errorf("%s became %v, %v", dir, info, err)
		}
	}
	hidden, err := instance.Hidden()
	h.must(err)
	h.guest(inst, hidden, true).seesNothing("directories that were not moved")

	h.must(os.RemoveAll(inst.ShortDir))
	g.refused("2", "removal of a directory that was hidden itself")
	h.must(os.Mkdir(inst.ShortDir, 0o700))
	g.refused("2", "replacement of a directory that was hidden itself")
}

// TestGuestTakesOver: a guest that may write to the home does all that it can to have rdd write
// where it sees it.
func TestGuestTakesOver(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"removing links", "rm -rf " + strings.Join(links, " "), ""},
		{"renaming links", "for f in " + strings.Join(links, " ") + "; do mv $f $f-old; done", ""},
		{"replacing links", "for f in " + strings.Join(links, " ") + "; do ln -sfn .mine $f; ln -s .mine new; mv -T new $f; done", ""},
		{"removing parents", "rm -rf .rd.d .local/share/rancher-desktop.d .local/state/rancher-desktop.d", ""},
		{"renaming parents", "for f in .rd.d .local/share/rancher-desktop.d; do mv $f $f-old; mv -T open $f; done", ""},
		{"writing to them", "for f in " + strings.Join(links, " ") + "; do touch $f/x $f/../x $f/../3; mkdir $f/tls; done", ""},
		{"leaving the mount", "ls ../.rd.d/2/lima ../../.rd.d/2 ..//9/../.rd.d/2", ""},
		{"renaming above", "mv .local .mine; mkdir -p .local/share; ln -s ../../.mine .local/share/rancher-desktop.d", exposed},
		{"planting", "mv .local/share .mine; mkdir -p .local/share/rancher-desktop.d/2/tls .local/share/rancher-desktop-2/tls", exposed},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := attacked(t, true)
			t.Log(g.do(c.line))
			g.seesNothing(c.name)
			if err := g.make("2"); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("afterwards: %v, want %q", err, c.want)
			}
			if c.want == "" {
				for _, link := range links {
					if _, err := os.Readlink(g.path(link)); err != nil {
						t.Error(err)
					}
				}
			}
			if found := g.do("grep -rls '" + secret + "' ."); found != "" {
				t.Errorf("the guest sees %s", found)
			}
		})
	}
}

// TestLinksLeadToEmptyDirectories: a guest finds under the paths of its time what it always found.
func TestLinksLeadToEmptyDirectories(t *testing.T) {
	g := attacked(t, true)
	for _, link := range links {
		got := g.do("ls -A " + link + "/ && touch " + link + "/x")
		if !strings.Contains(got, "Read-only file system") || strings.Contains(got, "\n") {
			t.Errorf("%s holds %q", link, got)
		}
		if _, err := os.Stat(g.path(link + "/x")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the guest has written to %s: %v", link, err)
		}
	}
}
