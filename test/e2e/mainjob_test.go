// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMainJob goes from an empty account to a container and back.
func TestMainJob(t *testing.T) {
	w := newWorld(t, "")
	w.rdd("service", "start")
	for _, sign := range []string{"create", "jsonpath={.status.versions.qemu}"} { // the host is examined after the daemon is ready
		w.rdd("ctl", "wait", "--for="+sign, "hostinfo/system", "--timeout=60s")
	}
	before := w.snapshot()
	t.Logf("before: %d processes, instances, objects and files", len(before))

	w.rdd("start", timeout)
	w.runContainer()
	w.checkConditions()
	w.checkRefusals()
	w.checkShell()

	w.rdd("stop", timeout)
	w.expect(w.rdd("ctl", "get", "limavm", "rd", "-o", `jsonpath={.status.conditions[?(@.type=="Running")].reason}`), "Stopped")
	w.rdd("start", timeout)
	w.expectIn(w.rdd("run", timeout, "docker", "images"), "busybox")
	during := w.snapshot()
	if len(before.difference(during)) < 5 {
		t.Errorf("a running VM shows in %q only: the comparison sees nothing", before.difference(during))
	}

	w.rdd("delete", timeout)
	after := w.snapshot()
	for _, line := range before.difference(after) {
		t.Errorf("after the deletion, %s", line)
	}
	t.Logf("after: %d processes, instances, objects and files; during: %d", len(after), len(during))
}

func (w *world) expect(got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("got %q, want %q", got, want)
	}
}

func (w *world) expectIn(got, want string) {
	w.t.Helper()
	if !strings.Contains(got, want) {
		w.t.Errorf("%q is not in %q", want, got)
	}
}

// runContainer runs a container of an image made from the host's static busybox.
func (w *world) runContainer() {
	w.t.Helper()
	if r := w.try(busyboxTar(w.t), "run", timeout, "docker", "import", "-", "busybox"); r.code != 0 {
		w.t.Fatalf("docker import failed: %s", r.err)
	}
	out := w.rdd("run", timeout, "docker", "run", "--rm", "busybox", "/bin/busybox", "sh", "-c", "echo hello from $(/bin/busybox uname -s)")
	w.expect(out, "hello from Linux")
	if r := w.try(nil, "run", timeout, "docker", "run", "--rm", "busybox", "/bin/busybox", "sh", "-c", "exit 7"); r.code != 7 {
		w.t.Errorf("a container's exit code 7 arrived as %d", r.code)
	}
}

// busyboxTar is a root file system of one static program, from Debian's busybox-static, and of
// other programs of the host, all in /bin.
func busyboxTar(t *testing.T, others ...string) *bytes.Buffer {
	t.Helper()
	archive := &bytes.Buffer{}
	w := tar.NewWriter(archive)
	err := w.WriteHeader(&tar.Header{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755})
	for _, path := range append([]string{"/bin/busybox"}, others...) {
		program, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatalf("%v: sudo apt-get install busybox-static", readErr)
		}
		headErr := w.WriteHeader(&tar.Header{Name: "bin/" + filepath.Base(path), Mode: 0o755, Size: int64(len(program))})
		_, writeErr := w.Write(program)
		err = errors.Join(err, headErr, writeErr)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return archive
}

// checkConditions checks the conditions on which scripts and GUIs rely, by rdd ctl.
func (w *world) checkConditions() {
	w.t.Helper()
	w.rdd("ctl", "wait", "--for=condition=Settled", "app/app", "--timeout=60s")
	w.rdd("ctl", "wait", "--for=condition=Running", "limavm/rd", "--timeout=60s")
	conditions := w.rdd("ctl", "get", "app", "app", "-o", `jsonpath={range .status.conditions[*]}{.type}={.status}/{.reason} {end}`)
	for _, want := range []string{"Created=True/Created", "Running=True/Started", "Settled=True/Settled"} {
		w.expectIn(conditions, want)
	}
	table := w.rdd("ctl", "get", "app,limavm", "-A")
	for _, want := range []string{"WANTED", "RUNNING", "SETTLED", "app", "rd"} {
		w.expectIn(table, want)
	}
	w.expectIn(w.rdd("status"), "running, as wanted")
}

// checkRefusals tries in every way to delete the LimaVM that the App owns.
func (w *world) checkRefusals() {
	w.t.Helper()
	for _, how := range [][]string{
		{"rd"}, {"rd", "--dry-run=server"}, {"--all"}, {"rd", "--cascade=foreground"},
	} {
		r := w.try(nil, append([]string{"ctl", "delete", "limavm"}, how...)...)
		if r.code == 0 {
			w.t.Errorf("deleting the owned LimaVM with %v was not refused", how)
		}
		w.expectIn(r.err, `cannot delete LimaVM "rd": it is owned by App "app"; delete the App resource instead`)
	}
	w.expect(w.rdd("ctl", "get", "limavm", "rd", "-o", "jsonpath={.metadata.deletionTimestamp}"), "")
}

// checkShell runs commands in the guest.
func (w *world) checkShell() {
	w.t.Helper()
	w.expect(w.rdd("shell", "echo", "a  b"), "a  b")
	w.expect(w.rdd("limavm", "shell", "rd", "printf '%s' $((6*7))"), "42")
	if r := w.try(nil, "shell", "exit 9"); r.code != 9 {
		w.t.Errorf("the guest's exit code 9 arrived as %d", r.code)
	}
	w.checkTerminal()
	binary := make([]byte, 1<<16)
	for i := range binary {
		binary[i] = byte(i)
	}
	if r := w.try(bytes.NewReader(binary), "shell", "cat"); r.out != string(binary) {
		w.t.Errorf("%d bytes through the shell came back as %d others", len(binary), len(r.out))
	}
}

// checkTerminal opens a shell on a terminal, which util-linux's script makes.
func (w *world) checkTerminal() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "script", "-qec", "stty cols 97 rows 31; "+w.binary+" shell 'tty; stty size'", "/dev/null")
	cmd.Env, cmd.Dir = w.environment(), w.home
	out, err := cmd.CombinedOutput()
	w.t.Logf("on a terminal:\n%s", indent(string(out)))
	if err != nil {
		w.t.Errorf("a shell on a terminal: %v", err)
	}
	w.expectIn(string(out), "/dev/pts/")
	w.expectIn(string(out), "31 97")
}
