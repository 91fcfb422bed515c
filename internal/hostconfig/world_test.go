// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// world is a user's home with instances of rdd.
type world struct {
	*testing.T
	dir string
	env Environment
	// working are the endpoints where an engine answers.
	working map[string]bool
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, dir: t.TempDir(), working: map[string]bool{}}
	w.env.ConfigDir = filepath.Join(w.dir, ".docker")
	w.mkdir("run")
	return w
}

// host is an instance's.
func (w *world) host(name string) *Host {
	w.Helper()
	w.mkdir("data/rancher-desktop-" + name)
	h := New(Options{
		Name: "rancher-desktop-" + name, Socket: filepath.Join(w.dir, ".rd"+name, "docker.sock"),
		Record: filepath.Join(w.dir, "data", "rancher-desktop-"+name, "integration.json"), Lock: filepath.Join(w.dir, "cache", "lock"),
		Link: filepath.Join(w.dir, "run", "docker.sock"), Environment: w.env,
	})
	h.works = func(_ context.Context, e endpoint) bool { return w.working[e.url] }
	return h
}

// ready is a world in which the engine became ready for the n-th time.
func (w *world) ready(n int) Want { return Want{Docker: true, Ready: strconv.Itoa(n)} }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(w.dir, name)
}

func (w *world) mkdir(name string) {
	w.Helper()
	w.must(os.MkdirAll(w.path(name), 0o700))
}

func (w *world) write(name, text string, mode fs.FileMode) {
	w.Helper()
	w.mkdir(filepath.Dir(w.path(name)))
	w.must(os.WriteFile(w.path(name), []byte(text), mode))
	w.must(os.Chmod(w.path(name), mode))
}

func (w *world) read(name string) string {
	w.Helper()
	data, err := os.ReadFile(w.path(name))
	w.must(err)
	return string(data)
}

// apply applies, and wants no problems.
func (w *world) apply(h *Host, want Want) Report {
	w.Helper()
	report, err := h.Apply(w.Context(), want)
	w.must(err)
	if len(report.Problems) > 0 {
		w.Errorf("problems: %v", report.Problems)
	}
	return report
}

// context makes a context as docker does, and returns its file.
func (w *world) context(name, url string) string {
	w.Helper()
	file := contextFile(w.env.ConfigDir, name)
	w.write(file, `{"Name":"`+name+`","Metadata":{},"Endpoints":{"docker":{"Host":"`+url+`","SkipTLSVerify":false}}}`, 0o644)
	return file
}

func (w *world) selected() string {
	w.Helper()
	c, err := readConfig(configFile(w.env.ConfigDir))
	w.must(err)
	return c.selected()
}

func (w *world) setting(h *Host, name string) Setting {
	w.Helper()
	settings, err := h.List()
	w.must(err)
	return settings[slices.IndexFunc(settings, func(t Setting) bool { return t.Name == name })]
}

func (w *world) wantState(h *Host, states ...State) {
	w.Helper()
	for i, name := range Names() {
		if got := w.setting(h, name); got.State != states[i] {
			w.Errorf("%s is %s, want %s: %+v", name, got.State, states[i], got)
		}
	}
}

// snapshot is all there is but rdd's own, with modes, links and content.
func (w *world) snapshot() map[string]string {
	w.Helper()
	all := map[string]string{}
	w.must(filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(w.dir, path)
		if filepath.Base(name) == ".tmp-integration.json-1" {
			return nil // the daemon sweeps its own directory
		}
		if err != nil || name == "cache" || name == "cache/lock" || strings.HasPrefix(name, "data") && entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		all[name] = info.Mode().String()
		if entry.Type().IsRegular() {
			all[name] += fmt.Sprint(" ", names(info))
		}
		if entry.Name() == "integration.json" {
			return nil // what is in it is nobody else's business
		}
		switch info.Mode().Type() {
		case 0:
			all[name] += " " + w.read(path)
		case fs.ModeSymlink:
			target, err := os.Readlink(path)
			all[name] += " " + target
			return err
		}
		return nil
	}))
	return all
}

// same compares with an earlier snapshot.
func (w *world) same(when string, before map[string]string) {
	w.Helper()
	after := w.snapshot()
	for _, name := range slices.Sorted(maps.Keys(merged(before, after))) {
		if before[name] != after[name] {
			w.Errorf("%s: %s was %q, is %q", when, name, before[name], after[name])
		}
	}
}

func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

const oddConfig = "{\r\n  \"auths\" : {\"https://registry.example/v1/\":{\"auth\":\"c2VjcmV0\"}},\r\n  \"credHelpers\":{ " +
	"\"x\":\"pass\" },\r\n" +
	"  \"plugins\": {\"p\":{\"k\":\"\\u0061\\/\"}}, \"psFormat\":\"table {{.ID}}\", \"n\": 1.0e1\r\n}\r\n"

// homes are what a user may have before rdd.
var homes = map[string]func(*testing.T, *world){
	"nothing": func(*testing.T, *world) {},
	"a link is asked for": func(t *testing.T, w *world) {
		w.must(w.host("2").TurnOn(t.Context(), Want{}, Socket))
	},
	"an empty dir": func(_ *testing.T, w *world) { w.mkdir(".docker") },
	"an empty file": func(_ *testing.T, w *world) {
		w.write(".docker/config.json", "", 0o600)
	},
	"white space": func(_ *testing.T, w *world) {
		w.write(".docker/config.json", " \n", 0o640)
	},
	"an empty object": func(_ *testing.T, w *world) {
		w.write(".docker/config.json", "{}", 0o644)
	},
	"odd formatting": func(_ *testing.T, w *world) {
		w.write(".docker/config.json", oddConfig, 0o600)
	},
	"default named": func(_ *testing.T, w *world) {
		w.write(".docker/config.json", `{"currentContext":"default","a":1}`, 0o600)
	},
	"null named": func(_ *testing.T, w *world) {
		w.write(".docker/config.json", `{"currentContext" : null,"a":1}`, 0o600)
	},
	"another context": func(_ *testing.T, w *world) {
		w.context("colima", "unix:///c.sock")
		w.write(".docker/config.json", "{\"currentContext\":\t\"c\\u006flima\",\"auths\":{}}", 0o644)
	},
	"a lost context": func(_ *testing.T, w *world) {
		w.write(".docker/config.json", `{"currentContext":"lost"}`, 0o644)
	},
	"hard links": func(_ *testing.T, w *world) {
		w.write("dotfiles/docker.json", oddConfig, 0o644)
		w.mkdir(".docker")
		w.must(os.Link(w.path("dotfiles/docker.json"), w.path(".docker/config.json")))
	},
	"hard links of nothing": func(_ *testing.T, w *world) {
		w.write("dotfiles/docker.json", "", 0o600)
		w.mkdir(".docker")
		w.must(os.Link(w.path("dotfiles/docker.json"), w.path(".docker/config.json")))
	},
	"a link to hard links": func(_ *testing.T, w *world) {
		w.write("dotfiles/docker.json", oddConfig, 0o600)
		w.must(os.Link(w.path("dotfiles/docker.json"), w.path("dotfiles/other.json")))
		w.mkdir(".docker")
		w.must(os.Symlink("../dotfiles/docker.json", w.path(".docker/config.json")))
	},
	"a link": func(t *testing.T, w *world) {
		w.write("dotfiles/docker.json", oddConfig, 0o644)
		w.mkdir(".docker")
		w.must(os.Symlink("../dotfiles/docker.json", w.path(".docker/config.json")))
	},
}
