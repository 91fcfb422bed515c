// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	ourContext = "rancher-desktop-" + instanceName
	// foreignContext is of another program, and leads nowhere.
	foreignContext = "theirs"
	// foreignConfig is how other programs may have left it.
	foreignConfig = "{\n\t\"currentContext\": \"theirs\",\n\n  \"auths\" : {\"https://registry.example/v1/\": {\"auth\": \"c29tZW9uZTpzZWNyZXQ=\"} }, \"experimental\":\"enabled\" }"
	damagedConfig = "{\n  \"auths\": {},\n}\n"
)

// makeForeignDocker makes the ~/.docker of somebody who had another engine before.
func (w *world) makeForeignDocker() {
	w.t.Helper()
	if r, err := w.call(call{program: "docker", args: []string{"context", "create", foreignContext, "--docker", "host=unix://" + filepath.Join(w.home, "no.sock")}}); err != nil || r.code != 0 {
		w.t.Fatalf("docker context create: %d, %v", r.code, err)
	}
	writeFile(w.t, w.dockerConfig(), foreignConfig)
}

func (w *world) dockerConfig() string { return filepath.Join(w.home, ".docker", "config.json") }

// plainDocker runs docker as somebody does who has set nothing.
func (d docker) plainDocker(env []string, args ...string) result {
	d.t.Helper()
	r, err := d.call(call{program: "docker", args: args, dir: d.project, env: env})
	if err != nil {
		d.t.Fatalf("docker %v: %v", args, err)
	}
	return r
}

func (d docker) expectConfig(want string) {
	d.t.Helper()
	got, err := os.ReadFile(d.dockerConfig())
	if err != nil {
		d.t.Fatal(err)
	}
	if string(got) != want {
		d.t.Errorf("config.json is %q, want %q", got, want)
	}
}

func (d docker) contexts() []string {
	d.t.Helper()
	names := strings.Fields(d.plainDocker(nil, "context", "ls", "-q").out)
	slices.Sort(names)
	return names
}

// checkContexts: docker finds the VM by itself in a ~/.docker that others have filled, and everything in it comes back as it was.
func (d docker) checkContexts() {
	switched := strings.Replace(foreignConfig, `"theirs"`, `"`+ourContext+`"`, 1)
	d.until("the current context", func() bool { return strings.TrimSpace(d.plainDocker(nil, "context", "show").out) == ourContext })
	d.expect(d.plainDocker(nil, "run", "--rm", "tools", "echo", "found").out, "found\n")
	d.expectConfig(switched)

	d.rdd("integration", "off")
	d.expectConfig(foreignConfig)
	if names := d.contexts(); !slices.Equal(names, []string{"default", foreignContext}) {
		d.t.Errorf("contexts %v", names)
	}
	if r := d.plainDocker(nil, "ps"); r.code == 0 {
		d.t.Error("a context that leads nowhere works")
	}

	writeFile(d.t, d.dockerConfig(), damagedConfig)
	d.try(nil, "integration", "on")
	d.expectIn(d.rdd("integration", "list"), "config.json cannot be used, and was left alone: line 3")
	d.expectConfig(damagedConfig)
	if r := d.plainDocker([]string{"DOCKER_CONTEXT=" + ourContext}, "ps"); r.code != 0 {
		d.t.Errorf("docker with a damaged config.json does not find the VM by its context: %s", r.err)
	}

	writeFile(d.t, d.dockerConfig(), foreignConfig)
	d.rdd("integration", "on")
	d.until("the current context", func() bool { return strings.TrimSpace(d.plainDocker(nil, "context", "show").out) == ourContext })
	d.expectConfig(switched)
}

// checkTestcontainers runs a program that has Docker by testcontainers, which is told by `rdd run`. Its Ryuk would come from a registry.
func (d docker) checkTestcontainers() {
	program := filepath.Join(d.t.TempDir(), "testcontainers")
	build := exec.Command("go", "build", "-C", filepath.Join("..", "testcontainers"), "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	var complaints bytes.Buffer
	build.Stderr = &complaints
	if err := build.Run(); err != nil {
		d.t.Fatalf("building a program with testcontainers: %v\n%s", err, &complaints)
	}
	env := []string{"TESTCONTAINERS_RYUK_DISABLED=true"}
	if _, err := os.Stat("/.dockerenv"); err == nil { // in a container it looks for ports on that one's host
		env = append(env, "TESTCONTAINERS_HOST_OVERRIDE=localhost")
	}
	r, err := d.call(call{program: d.binary, args: []string{"run", timeout, program, "tools"}, env: env})
	if err != nil || r.code != 0 {
		d.t.Fatalf("testcontainers: %d, %v", r.code, err)
	}
	d.expectIn(r.out, "a container answered at ")
}

// checkUndone: nothing of the VM is left in ~/.docker when the App is deleted.
func (d docker) checkUndone() {
	d.rdd("delete", timeout)
	d.expectConfig(foreignConfig)
	if names := d.contexts(); !slices.Equal(names, []string{"default", foreignContext}) {
		d.t.Errorf("contexts %v", names)
	}
	if _, err := os.Lstat(d.dockerConfig() + ".before-rdd"); err == nil {
		d.t.Error("a copy of config.json was left")
	}
}
