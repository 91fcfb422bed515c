// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lasting is a container that runs during most of the checks. It has a volume and restarts always.
const lasting = "lasting"

// checkRun: exit codes, both outputs, input to the last byte, and signals.
func (d docker) checkRun() {
	r := d.tryIn(nil, "run", "--rm", "tools", "sh", "-c", "echo out; echo err >&2; exit 7")
	if r.code != 7 || r.out != "out\n" || r.err != "err\n" {
		d.t.Errorf("got %+v", r)
	}
	data := make([]byte, 1<<18)
	if _, err := rand.NewChaCha8(sha256.Sum256([]byte("docker"))).Read(data); err != nil {
		d.t.Fatal(err)
	}
	if r := d.tryIn(bytes.NewReader(data), "run", "--rm", "-i", "tools", "cat"); r.out != string(data) {
		d.t.Errorf("%d bytes came back as %d others", len(data), len(r.out))
	}
	cmd, out := d.begin(
		"docker", "run", "--rm", "tools", "sh", "-c", "trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.2; done",
	)
	out.await(d.t, "ready")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	if code := d.end(cmd, out); code != 3 {
		d.t.Errorf("a container that caught a signal ended with %d", code)
	}
	out.await(d.t, "caught")
}

// checkTerminal runs a container on a terminal, which util-linux's script makes.
func (d docker) checkTerminal() {
	cmd, out := d.begin(
		"script", "-qec",
		"stty cols 97 rows 31; docker run --rm -it tools sh -c 'test -t 0 && test -t 1 || exit 1; until stty size | grep \"31 97\"; do sleep "+
			"0.1; done; exit 4'",
		"/dev/null",
	)
	if code := d.end(cmd, out); code != 4 {
		d.t.Errorf("exit code %d", code)
	}
	out.await(d.t, "31 97")
}

// checkNames: containers find the host by its name, on each kind of network, and reach what listens
// there on 127.0.0.1.
func (d docker) checkNames() {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		d.t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "from the host\n")
			_ = conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	d.do("network", "create", "names")
	for _, network := range []string{"bridge", "names"} {
		d.expect(d.do("run", "--rm", "--network", network, "tools", "nc", "host.docker.internal", port), "from the host")
	}
	d.do("network", "rm", "names")
	for _, network := range []string{"bridge", "host"} {
		d.expect(d.do("run", "--rm", "--network", network, "--add-host", "gw:host-gateway", "tools", "nc", "gw", port), "from the host")
	}
}

// checkLasting: exec, logs and stats of a container that runs.
func (d docker) checkLasting() {
	d.do("run", "-d", "--name", lasting, "--restart", "always", "-v", "kept:/data", "tools",
		"sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.3; done")
	d.expect(d.do("exec", lasting, "cat", "/etc/copied"), "from the host")
	if r := d.tryIn(strings.NewReader("to the volume"), "exec", "-i", lasting, "sh", "-c", "cat >/data/file; exit 5"); r.code != 5 {
		d.t.Errorf("an exit code 5 arrived as %d", r.code)
	}
	d.expect(d.do("run", "--rm", "-v", "kept:/data", "tools", "cat", "/data/file"), "to the volume")

	cmd, out := d.begin("docker", "logs", "-f", lasting)
	out.await(d.t, `(?s)line 1\n.*line 5\n`)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		d.t.Fatal(err)
	}
	d.end(cmd, out) // the exit code differs between versions of docker

	stats := strings.Fields(d.do("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}} {{.MemUsage}}", lasting))
	if len(stats) < 3 || stats[0] != lasting || stats[1] == "0" || stats[2] == "0B" {
		d.t.Errorf("stats: %q", stats)
	}
}

// checkEvents: a short container's events come while they happen, and its followed log ends with
// it.
func (d docker) checkEvents() {
	events, output := d.begin("docker", "events", "--since", "1m", "--filter", "container=brief", "--format", "{{.Action}};")
	d.do("run", "-d", "--name", "brief", "tools", "sh", "-c", "for i in 1 2 3 4; do echo step $i; sleep 0.5; done")
	cmd, out := d.begin("docker", "logs", "-f", "brief")
	if code := d.end(cmd, out); code != 0 {
		d.t.Errorf("a followed log ended with %d", code)
	}
	text, _ := out.snapshot()
	d.expect(string(text), "step 1\nstep 2\nstep 3\nstep 4\n")
	d.do("rm", "brief")
	output.await(d.t, `(?s)create;.*start;.*die;.*destroy;`)
	if err := events.Process.Signal(syscall.SIGINT); err != nil {
		d.t.Fatal(err)
	}
	d.end(events, output)
}

// checkCopy copies a tree into the container and back.
func (d docker) checkCopy() {
	tree := filepath.Join(d.project, "tree")
	if err := os.MkdirAll(filepath.Join(tree, oddName), 0o755); err != nil {
		d.t.Fatal(err)
	}
	data := bytes.Repeat([]byte("all bytes \x00\xff\n"), 10000)
	script := filepath.Join(tree, oddName, "script")
	if err := os.WriteFile(script, data, 0o750); err != nil {
		d.t.Fatal(err)
	}
	d.do("cp", tree, lasting+":/tmp")
	d.expect(
		d.do("exec", lasting, "sh", "-c", "cd /tmp/tree/*/ && stat -c %a script && sha256sum <script"), fmt.Sprintf("750\n%s", sumLine(data)),
	)
	d.do("cp", lasting+":/tmp/tree", filepath.Join(d.project, "back"))
	back := filepath.Join(d.project, "back", oddName, "script")
	info, err := os.Stat(back)
	if err != nil {
		d.t.Fatal(err)
	}
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, data) || info.Mode().Perm() != 0o750 {
		d.t.Errorf("%d bytes came back as %d with mode %s: %v", len(data), len(got), info.Mode(), err)
	}
}

// sumLine is the output of sha256sum for its input.
func sumLine(data []byte) string { return fmt.Sprintf("%x  -", sha256.Sum256(data)) }
