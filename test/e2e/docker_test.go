// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// docker is the Docker of a world's App, as clients on the host use it.
type docker struct {
	*world
	env     []string // what `rdd run` gives its commands to find it
	project string   // a directory below HOME, where the commands run
}

// TestDocker goes through what people do with Docker all day, with the host's own client, on one
// guest.
func TestDocker(t *testing.T) {
	w := newWorld(t, "")
	w.makeForeignDocker()
	started := w.try(nil, "start", timeout)
	if started.code != 0 || strings.Contains(started.err, "SetLogger") {
		t.Fatalf("the start ended with %d: %s", started.code, started.err)
	}
	d := docker{world: w, project: filepath.Join(w.home, "my project")}
	d.makeProject()
	d.findHost()
	if !t.Run("build", d.with(docker.checkBuild)) {
		t.FailNow() // the others need its image
	}
	t.Run("run", d.with(docker.checkRun))
	t.Run("terminal", d.with(docker.checkTerminal))
	t.Run("names", d.with(docker.checkNames))
	t.Run("lasting container", d.with(docker.checkLasting))
	t.Run("events", d.with(docker.checkEvents))
	t.Run("copy", d.with(docker.checkCopy))
	t.Run("mounts", d.with(docker.checkMounts))
	t.Run("ports", d.with(docker.checkPorts))
	t.Run("port conflict", d.with(docker.checkPortConflict))
	t.Run("compose", d.with(docker.checkCompose))
	t.Run("contexts", d.with(docker.checkContexts))
	t.Run("testcontainers", d.with(docker.checkTestcontainers))
	t.Run("engine killed", d.with(docker.checkEngineKilled))
	// Last: each takes a boot.
	t.Run("machine killed", d.with(docker.checkMachineKilled))
	t.Run("power lost", d.with(docker.checkPowerLost))
	t.Run("ports exposed", d.with(docker.checkExposed))
	t.Run("undone", d.with(docker.checkUndone))
}

// with runs a check as a subtest.
func (d docker) with(check func(docker)) func(*testing.T) {
	return d.world.with(func(inner *world) {
		d := d
		d.world = inner
		check(d)
	})
}

// makeProject makes a directory that the container's users may all write to, whoever they are on
// the host.
func (d docker) makeProject() {
	d.t.Helper()
	if err := os.Mkdir(d.project, 0o700); err != nil {
		d.t.Fatal(err)
	}
	for dir, mode := range map[string]os.FileMode{d.home: 0o711, d.project: 0o777} {
		if err := os.Chmod(dir, mode); err != nil {
			d.t.Fatal(err)
		}
	}
}

// findHost asks rdd where Docker is, and checks that HTTP is spoken on that socket: that is what
// other clients than docker need.
func (d *docker) findHost() {
	d.t.Helper()
	for line := range strings.Lines(d.rdd("run", timeout, "env")) {
		if strings.HasPrefix(line, "DOCKER_") {
			d.env = append(d.env, strings.TrimSpace(line))
		}
	}
	if len(d.env) != 1 {
		d.t.Fatalf("`rdd run` sets %q", d.env)
	}
	socket := d.socket()
	if !filepath.IsAbs(socket) {
		d.t.Fatalf("%s is not a socket", d.env[0])
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: waitTimeout}).Get("http://docker/_ping")
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "OK" || response.Header.Get("Api-Version") == "" {
		d.t.Errorf("Docker's API says %q, %v, %v", body, response.Header, err)
	}
}

// socket of Docker on the host.
func (d docker) socket() string { return strings.TrimPrefix(d.env[0], "DOCKER_HOST=unix://") }

// tryIn runs docker to its end with an input.
func (d docker) tryIn(stdin io.Reader, args ...string) result {
	d.t.Helper()
	r, err := d.call(call{program: "docker", args: args, stdin: stdin, dir: d.project, env: d.env})
	if err != nil {
		d.t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
	}
	return r
}

// do runs a docker command that must succeed and returns its output without the spaces around it.
func (d docker) do(args ...string) string {
	d.t.Helper()
	r := d.tryIn(nil, args...)
	if r.code != 0 {
		d.t.Fatalf("docker %s ended with exit code %d:\n%s", strings.Join(args, " "), r.code, r.err)
	}
	return strings.TrimSpace(r.out)
}

// begin starts a program whose output can be waited for.
func (d docker) begin(program string, args ...string) (*exec.Cmd, *watched) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	d.t.Cleanup(cancel)
	cmd, out := exec.CommandContext(ctx, program, args...), newWatched()
	cmd.Env, cmd.Dir = append(d.environment(), d.env...), d.project
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, out
}

// end waits for a program that ends by itself.
func (d docker) end(cmd *exec.Cmd, out *watched) (code int) {
	d.t.Helper()
	began := time.Now()
	err := cmd.Wait()
	text, _ := out.snapshot()
	d.t.Logf("%q ended after %.1f s with %v:\n%s", cmd.Args, time.Since(began).Seconds(), err, indent(string(text)))
	return cmd.ProcessState.ExitCode()
}

// until polls until so holds; what names it in the failure.
func (d docker) until(what string, so func() bool) {
	d.t.Helper()
	deadline := time.Now().Add(waitTimeout)
	for !so() {
		if time.Now().After(deadline) {
			d.t.Fatalf("never came: %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// checkBuild makes the images of this test: one imported, one built on it.
func (d docker) checkBuild() {
	if r := d.tryIn(busyboxTar(d.t, buildProgram(d.t, "answer")), "import", "-", "base"); r.code != 0 {
		d.t.Fatalf("docker import: %s", r.err)
	}
	writeFile(d.t, filepath.Join(d.project, "Dockerfile"), `FROM base
COPY greeting /etc/
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox --install -s /bin && cat /etc/greeting >/etc/copied"]
ENV NAME=built
WORKDIR /tmp
CMD ["sh", "-c", "echo $NAME in $(pwd); cat /etc/copied"]
`)
	writeFile(d.t, filepath.Join(d.project, "greeting"), "from the host\n")
	r, err := d.call(call{program: "docker", args: []string{"build", "-t", "tools", "."}, dir: d.project, env: append(d.builder(), d.env...)})
	if err != nil || r.code != 0 {
		d.t.Fatalf("docker build: %d, %v", r.code, err)
	}
	d.expect(d.do("run", "--rm", "tools"), "built in /tmp\nfrom the host")
}

// builder chooses docker's classic builder where buildx is not installed.
func (d docker) builder() []string {
	if r := d.tryIn(nil, "buildx", "version"); r.code != 0 {
		return []string{"DOCKER_BUILDKIT=0"}
	}
	return nil
}

// buildProgram builds the program in a directory, which may be a module of its own: it runs in
// containers or beside rdd.
func buildProgram(t *testing.T, dir string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), filepath.Base(dir))
	build := exec.Command("go", "build", "-C", dir, "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", dir, err, out)
	}
	return program
}
