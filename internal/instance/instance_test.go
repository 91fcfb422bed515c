// SPDX-License-Identifier: Apache-2.0

//go:build linux

package instance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// homeDir is the user's home for the time of a test, and nothing else of the environment counts.
func homeDir(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, name := range []string{"RDD_INSTANCE", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	return home
}

// TestPort checks the rule: the number from 1 to 99, else 100 + the sum of the characters' codes
// mod 100.
func TestPort(t *testing.T) {
	for name, want := range map[string]int{
		"1":    6444,
		"2":    6445,
		"99":   6542,
		"0":    6443 + 100 + 48,
		"100":  6443 + 100 + (49+48+48)%100,
		"02":   6445, // a number is what it means
		"a":    6443 + 100 + 97,
		"b":    6443 + 100 + 98,
		"ab":   6443 + 100 + (97+98)%100,
		"ba":   6443 + 100 + (97+98)%100, // which is why a busy port must fall back
		"zz-9": 6443 + 100 + (122+122+45+57)%100,
	} {
		if got := (Instance{Name: name}).Port(); got != want {
			t.Errorf("instance %q has port %d, want %d", name, got, want)
		}
	}
}

func TestResolveNames(t *testing.T) {
	homeDir(t)
	for _, name := range []string{"1", "99", "dev", "a-b", "a--b", "0", "a", strings.Repeat("x", 20)} {
		if inst, err := Resolve(name); err != nil || inst.Name != name {
			t.Errorf("Resolve(%q): %+v, %v", name, inst, err)
		}
	}
	for _, name := range []string{
		" ", "A", "a b", "a_b", "a.b", "-a", "a-", "/", "..", "../2", "a/b", "ä", "a\n", "a\x00", "$(id)", "a;b", strings.Repeat("x", 21), "*",
		"%", "\u202ea",
	} {
		if inst, err := Resolve(name); err == nil || !strings.Contains(err.Error(), "lower-case letters, digits and dashes") {
			t.Errorf("Resolve(%q): %+v, %v", name, inst, err)
		}
	}
}

func TestResolve(t *testing.T) {
	home := homeDir(t)
	inst, err := Resolve("")
	if err != nil || inst.Name != DefaultName || inst.Dir != filepath.Join(home, ".local/share/rancher-desktop-2") {
		t.Errorf("by default: %+v, %v", inst, err)
	}
	t.Setenv("RDD_INSTANCE", "dev")
	t.Setenv("XDG_DATA_HOME", "/data")
	t.Setenv("XDG_STATE_HOME", "relative")
	inst, err = Resolve("")
	want := Instance{
		Name: "dev", Dir: "/data/rancher-desktop-dev", LogDir: filepath.Join(home, ".local/state/rancher-desktop-dev"),
		ShortDir: filepath.Join(home, ".rddev"), CacheDir: filepath.Join(home, ".cache/rancher-desktop"),
	}
	if err != nil || inst != want {
		t.Errorf("by the environment: %+v, %v", inst, err)
	}
	if inst, err := Resolve("3"); err != nil || inst.Name != "3" {
		t.Errorf("a name counts more than the environment: %+v, %v", inst, err)
	}
	t.Setenv("RDD_INSTANCE", "not valid")
	if inst, err := Resolve(""); err == nil {
		t.Errorf("a bad name in the environment: %+v", inst)
	}
}

// TestIndependent makes three instances' directories: they share nothing but the cache.
func TestIndependent(t *testing.T) {
	homeDir(t)
	seen := map[string]string{}
	for _, name := range []string{"1", "11", "a"} {
		inst, err := Resolve(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := inst.MakeDirs(); err != nil {
			t.Fatal(err)
		}
		for key, path := range inst.Paths() {
			if owner := seen[path]; owner != "" {
				t.Errorf("%s of instance %s is also %s's: %s", key, name, owner, path)
			}
			seen[path] = name
		}
		for _, dir := range []string{inst.Dir, inst.LogDir, inst.ShortDir, inst.LimaHome(), inst.TLSDir(), inst.BinDir()} {
			if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: %v, %v", dir, info, err)
			}
		}
	}
}

func TestPathKeys(t *testing.T) {
	var keys []string
	for key := range (Instance{}).Paths() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	want := []string{
		"args_file", "config", "dir", "docker_socket", "k3s_config", "lima_home", "log_dir", "pid_file", "short_dir", "tls_dir",
	}
	if !slices.Equal(keys, want) {
		t.Errorf("the keys are %v, want %v", keys, want)
	}
}

func TestList(t *testing.T) {
	home := homeDir(t)
	if names, err := List(); err != nil || names != nil {
		t.Errorf("where there is nothing: %v, %v", names, err)
	}
	for _, name := range []string{"2", "dev"} {
		inst, err := Resolve(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := inst.MakeDirs(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(inst.ArgsFile(), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"rancher-desktop-empty", "rancher-desktop-Not Ours", "rancher-desktop", "something"} {
		if err := os.MkdirAll(filepath.Join(home, ".local/share", other), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := List(); err != nil || !slices.Equal(names, []string{"2", "dev"}) {
		t.Errorf("listed %v, %v", names, err)
	}
}
