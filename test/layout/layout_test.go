// SPDX-License-Identifier: Apache-2.0

// Package layout holds the tests of the tree itself: which package may import which, the form of
// source files and pages, and that generated files are fresh.
package layout

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "rancherdesktop.io/rdd/"

// allowed lists, by package prefix, the packages of rdd that non-test code may import. The longest
// prefix wins. A package without an entry fails the test.
var allowed = map[string][]string{
	"api":                  {"api"},
	"cmd/rdd":              {"internal/cli"},
	"internal/rules":       {},
	"internal/atomicfile":  {},
	"internal/bounded":     {},
	"internal/flock":       {},
	"internal/levenshtein": {},
	"internal/instance":    {"internal/atomicfile", "internal/flock", "internal/process"},
	"internal/logfile":     {"internal/atomicfile", "internal/process", "internal/regular", "internal/textfile"},
	"internal/hostconfig":  {"api/app", "internal/atomicfile", "internal/flock", "internal/instance", "internal/regular"},
	"internal/assign":      {},
	"internal/logging":     {},
	"internal/portalloc":   {},
	"internal/process":     {},
	"internal/qmp":         {},
	"internal/redirect":    {},
	"internal/regular":     {},
	"internal/sftp":        {},
	"internal/sparse":      {},
	"internal/shellquote":  {},
	"internal/sshx":        {"internal/atomicfile", "internal/regular", "internal/shellquote"},
	"internal/textfile":    {"internal/regular"},
	"internal/vm":          {},
	"internal/vm/template": {"internal/vm", "internal/levenshtein", "internal/assign"},
	"internal/vm/image":    {"internal/vm", "internal/atomicfile", "internal/flock", "internal/regular", "internal/sparse"},
	"internal/vm/fake":     {"internal/vm", "internal/vm/template"},
	"internal/vm/adoption": {"internal/vm"},
	"internal/vm/vmtest":   {"internal/vm"},
	"internal/vm/image/build": {
		"internal/vm", "internal/vm/image", "internal/atomicfile", "internal/process",
	},
	"internal/vm/image/fetch": {
		"internal/vm", "internal/vm/image", "internal/atomicfile", "internal/redirect", "internal/regular", "internal/sparse",
	},
	"internal/vm/qemu": {
		"internal/vm", "internal/vm/template", "internal/vm/image", "internal/vm/qemu/protocol",
		"internal/atomicfile", "internal/bounded", "internal/flock", "internal/logfile", "internal/portalloc", "internal/process",
		"internal/qmp", "internal/regular", "internal/sshx",
	},
	"internal/vm/qemu/hostagent": {
		"internal/vm", "internal/vm/template", "internal/vm/image", "internal/vm/qemu/disks", "internal/vm/qemu/guest",
		"internal/vm/qemu/machine",
		"internal/vm/qemu/protocol", "internal/vm/qemu/seed", "internal/vm/qemu/share", "internal/vm/qemu/vmdir",
		"internal/assign", "internal/atomicfile", "internal/bounded", "internal/flock", "internal/logfile", "internal/portalloc",
		"internal/process", "internal/qmp", "internal/sshx", "internal/textfile",
	},
	"internal/vm/qemu/protocol":       {"internal/vm", "internal/bounded"},
	"internal/vm/qemu/share":          {"internal/vm", "internal/vm/template", "internal/process", "internal/sftp"},
	"internal/rules/definitions":      {"internal/rules"},
	"internal/reconcile":              {"api", "internal/rules"},
	"internal/containers":             {"internal/vm", "internal/bounded"},
	"internal/controllers":            {},
	"internal/controllers/app":        {"api", "internal/rules", "internal/reconcile", "internal/vm/template"},
	"internal/controllers/engine":     {"api", "internal/containers", "internal/reconcile"},
	"internal/controllers/hostinfo":   {"api", "internal/reconcile", "internal/rules", "internal/vm", "internal/vm/template"},
	"internal/controllers/hostconfig": {"api/app", "internal/hostconfig", "internal/reconcile"},
	"internal/controllers/limavm": {
		"api/lima", "internal/rules", "internal/reconcile", "internal/vm", "internal/vm/adoption", "internal/vm/template",
	},
	"internal/datastore": {"internal/atomicfile", "internal/flock"},
	"internal/apiserver": {
		"api", "internal/rules", "internal/apiserver/quiet", "internal/atomicfile", "internal/datastore/checked", "internal/datastore/checksum",
		"internal/version",
	},
	"internal/apiserver/quiet":       {},
	"internal/apiserver/credentials": {"internal/atomicfile", "internal/regular"},
	"internal/apiserver/rows":        {"internal/datastore/checksum"},
	"internal/client": {
		"api", "internal/atomicfile", "internal/daemon/presence", "internal/flock", "internal/instance", "internal/logfile",
		"internal/portalloc", "internal/process", "internal/regular", "internal/textfile", "internal/version",
	},
	"internal/version": {},
	"internal/daemon": {
		"api", "internal/rules", "internal/apiserver", "internal/atomicfile", "internal/daemon/presence",
		"internal/daemon/storage", "internal/daemon/supervise",
		"internal/datastore", "internal/flock", "internal/instance", "internal/logfile", "internal/process", "internal/version",
	},
	"internal/daemon/storage":   {"internal/apiserver/rows", "internal/daemon/presence", "internal/datastore", "internal/instance"},
	"internal/daemon/supervise": {},
	"internal/daemon/wiring": {
		"api", "internal/rules", "internal/containers", "internal/controllers", "internal/instance", "internal/reconcile",
		"internal/vm", "internal/vm/image", "internal/vm/image/build", "internal/vm/image/fetch", "internal/vm/qemu", "internal/vm/template",
	},
	"internal/daemon/presence": {
		"internal/atomicfile", "internal/datastore/room", "internal/flock", "internal/instance", "internal/logfile",
		"internal/portalloc", "internal/process", "internal/regular", "internal/textfile", "internal/version",
	},
	"internal/daemon/offline": {"internal/apiserver/rows", "internal/daemon/presence", "internal/datastore", "internal/instance"},
	// The tree of commands. Packages below it have rules of their own: see rooms.
	"internal/cli": {
		"internal/cli", "internal/client", "internal/controllers$", "internal/daemon/presence", "internal/instance",
		"internal/levenshtein", "internal/version",
	},
	"internal/cli/property": {"internal/levenshtein"},
	"internal/cli/quiet":    {},
	"internal/cli/session": {
		"api", "internal/client", "internal/daemon/presence", "internal/hostconfig", "internal/instance", "internal/logging",
		"internal/textfile", "internal/version", "internal/vm",
	},
	"internal/cli/resource": {
		"api", "internal/cli/property", "internal/cli/session", "internal/cli/why/explain", "internal/hostconfig", "internal/levenshtein",
		"internal/vm",
	},
	"internal/cli/shell": {"internal/cli/resource", "internal/cli/session", "internal/cli/why/explain", "internal/shellquote", "internal/vm"},
	"internal/cli/app": {
		"api", "internal/cli/property", "internal/cli/resource", "internal/cli/session", "internal/cli/shell", "internal/cli/why/explain",
		"internal/client", "internal/daemon/presence", "internal/hostconfig", "internal/instance", "internal/process",
	},
	"internal/cli/guestcopy": {"internal/vm"},
	"internal/cli/limavm": {
		"api/lima", "internal/assign", "internal/atomicfile", "internal/cli/guestcopy", "internal/cli/property", "internal/cli/resource",
		"internal/cli/session", "internal/cli/shell", "internal/cli/why/explain", "internal/client", "internal/instance",
		"internal/logfile", "internal/process", "internal/redirect", "internal/regular", "internal/shellquote", "internal/textfile",
		"internal/vm", "internal/vm/template",
	},
	"internal/cli/service": {
		"api/lima", "internal/atomicfile", "internal/cli/resource", "internal/cli/session", "internal/client", "internal/daemon/offline",
		"internal/daemon/presence",
		"internal/instance", "internal/logfile", "internal/process", "internal/regular", "internal/shellquote", "internal/textfile",
		"internal/vm",
	},
	"internal/cli/ctl":   {"internal/cli/quiet", "internal/cli/session", "internal/client", "internal/instance"},
	"internal/cli/image": {"internal/cli/session", "internal/vm/image", "internal/vm/image/build", "internal/vm/image/fetch"},
	"internal/cli/hostconfig": {
		"internal/cli/resource", "internal/cli/session", "internal/daemon/presence", "internal/hostconfig", "internal/levenshtein",
	},
	"internal/cli/why": {
		"api/app", "api/lima", "internal/cli/resource", "internal/cli/session", "internal/client", "internal/daemon/presence",
		"internal/hostconfig", "internal/instance", "internal/logfile", "internal/textfile", "internal/vm",
	},
	"internal/cli/why/explain": {"api", "internal/vm"},
	"internal/cli/serve": {
		"api/rdd", "internal/cli/session", "internal/cli/shell", "internal/controllers$", "internal/daemon", "internal/daemon/presence",
		"internal/daemon/wiring", "internal/flock", "internal/hostconfig", "internal/instance", "internal/logfile",
		"internal/version", "internal/vm", "internal/vm/image", "internal/vm/image/build", "internal/vm/image/fetch", "internal/vm/qemu",
		"internal/vm/template",
	},
	"test":  {"api", "internal", "test", "tools"},
	"tools": {},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("reading the output of go list: %v", err)
		}
		all = append(all, p)
	}
}

// rooms are packages whose rule does not cover the packages below them: each of those has a rule of
// its own.
var rooms = []string{"internal/cli"}

// ruleFor returns the longest prefix in allowed that covers pkg.
func ruleFor(pkg string) (prefix string, ok bool) {
	for candidate := range allowed {
		if slices.Contains(rooms, candidate) && pkg != candidate {
			continue
		}
		if under(pkg, candidate) && len(candidate) >= len(prefix) {
			prefix, ok = candidate, true
		}
	}
	return prefix, ok
}

// under reports whether pkg is prefix or below it.
func under(pkg, prefix string) bool { return pkg == prefix || strings.HasPrefix(pkg, prefix+"/") }

// exact are packages whose permission and rule do not cover the packages below: the engines below
// vm, what builds and fetches images, and what the daemon shares with its clients.
var exact = []string{"internal/vm", "internal/vm/image", "internal/daemon"}

// permitted reports whether a package under the rule of prefix may import target. A permission that
// ends in $ covers no package below.
func permitted(prefix, target string) bool {
	if under(target, prefix) && !slices.Contains(exact, prefix) {
		return true
	}
	return slices.ContainsFunc(allowed[prefix], func(permission string) bool {
		if exactly, ok := strings.CutSuffix(permission, "$"); ok {
			return target == exactly
		}
		if slices.Contains(exact, permission) {
			return target == permission
		}
		return under(target, permission)
	})
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		pkg := strings.TrimPrefix(p.ImportPath, module)
		prefix, ok := ruleFor(pkg)
		if !ok {
			t.Errorf("%s has no place in the layout: add it to the rules of this test", pkg)
			continue
		}
		for _, imported := range p.Imports {
			target, ours := strings.CutPrefix(imported, module)
			if ours && !permitted(prefix, target) {
				t.Errorf("%s imports %s: not a direction the architecture has", pkg, target)
			}
		}
	}
}

// TestOnlyServeLinksWhatRuns: a room of the commands imports neither the daemon nor an engine, also
// not indirectly, except for serve.
func TestOnlyServeLinksWhatRuns(t *testing.T) {
	running := []string{"internal/daemon", "internal/apiserver", "internal/controllers", "internal/vm/qemu", "internal/vm/fake"}
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Deps ","}}`, "./internal/cli/...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	linking := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		name, deps, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, dep := range strings.Split(deps, ",") {
			if slices.Contains(running, strings.TrimPrefix(dep, module)) {
				linking[strings.TrimPrefix(name, module)] = true
			}
		}
	}
	if want := map[string]bool{"internal/cli": true, "internal/cli/serve": true}; !maps.Equal(linking, want) {
		t.Errorf("the daemon or an engine is linked by %v, want %v", linking, want)
	}
}

// TestNoPartOfAnEngineImportsIt: the packages below an engine are its parts, or a process that it
// starts.
func TestNoPartOfAnEngineImportsIt(t *testing.T) {
	const engine, hostagent = module + "internal/vm/qemu", module + "internal/vm/qemu/hostagent"
	for _, p := range packages(t) {
		if under(p.ImportPath, engine) && slices.Contains(p.Imports, engine) {
			t.Errorf("%s imports the engine that it is a part of", p.ImportPath)
		}
		if under(p.ImportPath, engine) && !under(p.ImportPath, hostagent) && slices.Contains(p.Imports, hostagent) {
			t.Errorf("%s imports the hostagent, which is a process of its own", p.ImportPath)
		}
	}
}

func TestVMImportsStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != module+"internal/vm" {
			continue
		}
		for _, imported := range p.Imports {
			if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
				t.Errorf("internal/vm imports %s", imported)
			}
		}
		return
	}
	t.Fatal("internal/vm was not listed")
}
