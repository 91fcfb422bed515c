// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	ourContext = "rancher-desktop-" + instanceName
	// foreignContext is another program's context, whose socket does not exist.
	foreignContext = "theirs"
	// foreignConfig is how other programs may have left it.
	foreignConfig = "{\n\t\"currentContext\": \"theirs\",\n\n  \"auths\" : {\"https://registry.example/v1/\": {\"auth\": " +
		"\"c29tZW9uZTpzZWNyZXQ=\"} }, \"experimental\":\"enabled\" }"
	damagedConfig = "{\n  \"auths\": {},\n}\n"
)

// makeForeignDocker makes the ~/.docker of a user who had another container engine before.
func (w *world) makeForeignDocker() {
	w.t.Helper()
	if r, err := w.call(call{program: "docker", args: []string{"context", "create", foreignContext, "--docker", "host=unix://" +
		filepath.Join(w.home, "no.sock")}}); err != nil || r.code != 0 {
		w.t.Fatalf("docker context create: %d, %v", r.code, err)
	}
	writeFile(w.t, w.dockerConfig(), foreignConfig)
}

func (w *world) dockerConfig() string { return filepath.Join(w.home, ".docker", "config.json") }

// plain is docker without the environment of `rdd run`, or with env alone.
func (d docker) plain(env ...string) docker {
	d.env = env
	return d
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

func (d docker) expectOnlyForeignContext() {
	d.t.Helper()
	names := strings.Fields(d.plain().do("context", "ls", "-q"))
	slices.Sort(names)
	if !slices.Equal(names, []string{"default", foreignContext}) {
		d.t.Errorf("contexts %v", names)
	}
}

// awaitSwitch waits until docker uses the VM without any variable.
func (d docker) awaitSwitch() {
	d.t.Helper()
	d.until("the current context", func() bool { return strings.TrimSpace(d.plain().tryIn(nil, "context", "show").out) == ourContext })
	d.expectConfig(strings.Replace(foreignConfig, `"theirs"`, `"`+ourContext+`"`, 1))
}

// checkContexts: docker finds the VM by itself in a ~/.docker that others have filled, and
// everything in it comes back as it was.
func (d docker) checkContexts() {
	d.awaitSwitch()
	d.expect(d.plain().do("run", "--rm", "tools", "echo", "found"), "found")

	d.rdd("integration", "off")
	d.expectConfig(foreignConfig)
	d.expectOnlyForeignContext()
	if r := d.plain().tryIn(nil, "ps"); r.code == 0 {
		d.t.Error("a context that leads nowhere works")
	}

	writeFile(d.t, d.dockerConfig(), damagedConfig)
	d.try(nil, "integration", "on")
	d.expectIn(d.rdd("integration", "list"), "config.json cannot be used, and was left alone: line 3")
	d.expectConfig(damagedConfig)
	if r := d.plain("DOCKER_CONTEXT="+ourContext).tryIn(nil, "ps"); r.code != 0 {
		d.t.Errorf("docker with a damaged config.json does not find the VM by its context: %s", r.err)
	}

	writeFile(d.t, d.dockerConfig(), foreignConfig)
	d.rdd("integration", "on")
	d.awaitSwitch()
}

// checkTestcontainers runs a program that uses Docker by testcontainers, in the environment of `rdd
// run`. Ryuk is disabled: its image would come from a registry.
func (d docker) checkTestcontainers() {
	program := buildProgram(d.t, filepath.Join("..", "testcontainers"))
	env := []string{"TESTCONTAINERS_RYUK_DISABLED=true"}
	if _, err := os.Stat("/.dockerenv"); err == nil { // in a container it would ask the container's host
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
	d.expectOnlyForeignContext()
	if _, err := os.Lstat(d.dockerConfig() + ".before-rdd"); err == nil {
		d.t.Error("a copy of config.json was left")
	}
}
