// SPDX-License-Identifier: Apache-2.0

package share

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// TestMain lets this program stand for rdd: see Set.Command.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ViewCommand {
		fmt.Fprintln(os.Stderr, Exec(os.Args[2:], os.Environ()))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// account is a home with rdd's directories in it.
type account struct {
	home, short, views string
	private            []string
}

func newAccount(t *testing.T) account {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(root, "home", "me")
	a := account{home: home, short: filepath.Join(home, ".rd2")}
	a.views = filepath.Join(a.short, "lima", "x", "views")
	data := filepath.Join(home, ".local", "share", "rancher-desktop-2")
	// lima is below the short directory already, and the log directory has not been made yet.
	a.private = []string{a.short, data, filepath.Join(a.short, "lima"), filepath.Join(home, ".local", "state", "rancher-desktop-2")}
	for _, dir := range []string{filepath.Join(a.short, "lima", "x"), data, a.path("src", "deep")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func (a account) path(elem ...string) string {
	return filepath.Join(append([]string{a.home}, elem...)...)
}

func (a account) prepare(t *testing.T, mounts ...template.Mount) Set {
	t.Helper()
	for i := range mounts {
		if mounts[i].MountPoint == "" {
			mounts[i].MountPoint = mounts[i].Location
		}
	}
	set, err := Prepare(mounts, a.private, a.views)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestPlainDirectoriesAreExportedAsTheyAre(t *testing.T) {
	a := newAccount(t)
	set := a.prepare(
		t, template.Mount{Location: a.path("src"), Writable: true}, template.Mount{Location: a.path("src", "deep"), MountPoint: "/deep"},
	)
	for i, want := range []Share{
		{Field: "mounts[1]", Tag: "mount1", Export: a.path("src", "deep"), MountPoint: "/deep"},
		{Field: "mounts[0]", Tag: "mount0", Export: a.path("src"), MountPoint: a.path("src"), Writable: true},
	} {
		if got := set[i]; got.Field != want.Field || got.Tag != want.Tag || got.Export != want.Export || got.MountPoint != want.MountPoint ||
			got.Writable != want.Writable {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	qemu := process.Command{Path: "/usr/bin/qemu", Args: []string{"-x"}}
	command, err := set.Command("/rdd", qemu)
	if err != nil || command.Path != qemu.Path || command.PrivateMounts {
		t.Errorf("QEMU is started as %+v, %v", command, err)
	}
	readOnly, err := Set{set[0]}.Command("/rdd", qemu)
	if err != nil || !command.OwnFiles || readOnly.OwnFiles {
		t.Errorf("with a writable mount %+v, without %+v, %v", command, readOnly, err)
	}
	if _, err := os.Stat(a.views); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("places for views were made: %v", err)
	}
}

func TestOwnDirectoriesAreCovered(t *testing.T) {
	a := newAccount(t)
	set := a.prepare(t,
		template.Mount{Location: a.path("src")},
		template.Mount{Location: a.home},
		template.Mount{Location: filepath.Dir(a.home), MountPoint: "/homes", Writable: true},
	)
	exports := map[string]string{}
	for _, s := range set {
		exports[s.Field] = s.Export
	}
	home, homes := filepath.Join(a.views, "mount1"), filepath.Join(a.views, "mount2")
	if exports["mounts[0]"] != a.path("src") || exports["mounts[1]"] != home || exports["mounts[2]"] != homes {
		t.Errorf("exports %v", exports)
	}
	command, err := set.Command("/rdd", process.Command{Path: "/usr/bin/qemu", Args: []string{"-x"}, Dir: "/d"})
	if err != nil {
		t.Fatal(err)
	}
	if command.Path != "/rdd" || !command.PrivateMounts || command.Dir != "/d" || command.Args[0] != ViewCommand ||
		!slices.Equal(command.Args[2:], []string{"/usr/bin/qemu", "-x"}) {
		t.Errorf("QEMU is started as %+v", command)
	}
	var mounts []process.Mount
	if err := json.Unmarshal([]byte(command.Args[1]), &mounts); err != nil {
		t.Fatal(err)
	}
	want := []process.Mount{
		{Source: a.home, Target: home},
		{Target: home + "/.local/share/rancher-desktop-2"}, {Target: home + "/.rd2"},
		{Source: filepath.Dir(a.home), Target: homes},
		{Target: homes + "/me/.local/share/rancher-desktop-2"}, {Target: homes + "/me/.rd2"},
	}
	slices.SortStableFunc(want, func(a, b process.Mount) int { return strings.Compare(a.Target, b.Target) })
	slices.SortStableFunc(mounts, func(a, b process.Mount) int { return strings.Compare(a.Target, b.Target) })
	if !reflect.DeepEqual(mounts, want) {
		t.Errorf("mounts %v\nwant   %v", mounts, want)
	}
	for _, m := range mounts {
		if info, err := os.Stat(m.Target); m.Source != "" && (err != nil || !info.IsDir()) {
			t.Errorf("there is no place for the view: %v", err)
		}
	}
}

func TestLinksLeadNowhereElse(t *testing.T) {
	a := newAccount(t)
	for link, target := range map[string]string{"link": a.home, "inside": a.short} {
		if err := os.Symlink(target, filepath.Join(filepath.Dir(a.home), link)); err != nil {
			t.Fatal(err)
		}
	}
	set := a.prepare(t, template.Mount{Location: filepath.Join(filepath.Dir(a.home), "link"), MountPoint: "/link"})
	if set[0].Export != filepath.Join(a.views, "mount0") || set.mounts()[0].Source != a.home {
		t.Errorf("a link to the home is exported as %s: %v", set[0].Export, set.mounts())
	}
	_, err := Prepare([]template.Mount{{Location: filepath.Join(filepath.Dir(a.home), "inside"), MountPoint: "/x"}}, a.private, a.views)
	checkRefusal(t, err, "mounts[0].location", "rdd's own directory "+a.short)
}

func TestParentsAreMountedBeforeWhatIsInThem(t *testing.T) {
	a := newAccount(t)
	set := a.prepare(
		t, template.Mount{Location: a.path("src", "deep")}, template.Mount{Location: a.path("src")}, template.Mount{Location: a.home},
	)
	var order []string
	for _, s := range set {
		order = append(order, s.Field)
	}
	if !slices.Equal(order, []string{"mounts[2]", "mounts[1]", "mounts[0]"}) {
		t.Errorf("order %v", order)
	}
}

func TestWritableLocationIsMade(t *testing.T) {
	a := newAccount(t)
	a.prepare(t, template.Mount{Location: a.path("new", "dir"), Writable: true})
	if info, err := os.Stat(a.path("new", "dir")); err != nil || !info.IsDir() {
		t.Errorf("the location was not made: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	a := newAccount(t)
	if err := os.WriteFile(a.path("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mount template.Mount
		want  string
	}{
		{template.Mount{Location: a.path("nowhere")}, "does not exist on this host: " + a.path("nowhere") + "; make it"},
		{template.Mount{Location: a.path("file")}, "must be a directory"},
		{template.Mount{Location: a.path("file", "below"), Writable: true}, "does not exist and cannot be made"},
		{template.Mount{Location: a.short}, "rdd's own directory"},
		{template.Mount{Location: filepath.Join(a.short, "lima", "x")}, "rdd's own directory"},
		{template.Mount{Location: "/"}, "must not be or contain /dev"},
		{template.Mount{Location: "/proc/self"}, "must not be or contain /proc"},
	} {
		_, err := Prepare([]template.Mount{{Location: a.path("src"), MountPoint: "/ok"}, c.mount}, a.private, a.views)
		checkRefusal(t, err, "mounts[1].location", c.want)
	}
}

func checkRefusal(t *testing.T, err error, field, reason string) {
	t.Helper()
	var invalid *vm.InvalidSpecError
	if !errors.As(err, &invalid) || invalid.Field != field || !strings.Contains(invalid.Reason, reason) {
		t.Errorf("got %v, want a refusal of %s with %q", err, field, reason)
	}
}

func TestOutermost(t *testing.T) {
	got := outermost([]string{"/h/.rd2/lima", "/h/.rd2", "/h/.rd2-x", "/h/.rd2", "/h/.rd2-x/a", "/h/.rd"})
	if want := []string{"/h/.rd", "/h/.rd2", "/h/.rd2-x"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestTry has a host that allows views, which tests of them need in any case, and a program that
// cannot hide anything.
func TestTry(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := process.Command{Path: "/bin/true", Dir: "/"}
	if err := Try(t.Context(), self, dir, program); err != nil {
		t.Errorf("views are possible here: %v", err)
	}
	if err := Try(t.Context(), "/bin/false", dir, program); err == nil ||
		!strings.Contains(err.Error(), "mount directories that do not contain them") {
		t.Errorf("a refusal became %v", err)
	}
}

func TestExplain(t *testing.T) {
	if err := Explain(nil); err != nil {
		t.Errorf("nothing became %v", err)
	}
	other := errors.New("no such file")
	if err := Explain(other); !errors.Is(err, other) || err.Error() != other.Error() {
		t.Errorf("%v became %v", other, err)
	}
	for _, refusal := range []error{syscall.EPERM, syscall.ENOSPC, syscall.EACCES} {
		err := Explain(fmt.Errorf("separating the mounts: %w", refusal))
		if !errors.Is(err, refusal) || !strings.Contains(err.Error(), "mount directories that do not contain them") {
			t.Errorf("%v became %v", refusal, err)
		}
	}
}
