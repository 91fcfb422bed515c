// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shellTemplate makes a small guest with a parameter and a message.
const shellTemplate = `# what the user wrote stays
images: [{location: "rdd:docker"}]
cpus: 1
memory: 1GiB
param: {greeting: hello}
mounts:
- location: "{{.Home}}/src"
  mountPoint: /src
provision:
- mode: system
  script: |
    #!/bin/sh
    echo "{{.Param.greeting}}" >/etc/greeting
message: |
  {{.Name}} says {{.Param.greeting}}
`

// TestVirtualMachineCommands runs the commands for one virtual machine of one's own, on one guest.
func TestVirtualMachineCommands(t *testing.T) {
	w := newWorld(t, "")
	// Every user may enter it: the guest's user is another one when the host's is root.
	if err := os.MkdirAll(filepath.Join(w.home, "src", "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.home, "dev.yaml")
	if err := os.WriteFile(file, []byte(shellTemplate), 0o600); err != nil {
		t.Fatal(err)
	}
	w.expectIn(w.rdd("limavm", "create", "dev", file, "--start", timeout), "dev says hello")
	t.Run("exit codes", w.with(checkExitCodes))
	t.Run("bytes", w.with(checkBytes))
	t.Run("interruption", w.with(checkInterruption))
	t.Run("surroundings", w.with(checkSurroundings))
	t.Run("terminal", w.with(checkTerminalSession))
	t.Run("without a daemon", w.with(checkWithoutDaemon))
	t.Run("reports", w.with(checkReports))
	t.Run("restart", w.with(checkRestart))
	w.rdd("limavm", "delete", "dev", timeout)
}

// with runs a check on the world as a subtest: a failure is that one's.
func (w *world) with(check func(*world)) func(*testing.T) {
	return func(t *testing.T) {
		inner := *w
		inner.t = t
		check(&inner)
	}
}

// checkExitCodes: they are the command's, and 128 + the number of the signal that ended it.
func checkExitCodes(w *world) {
	for _, tt := range []struct {
		args []string
		want int
	}{
		{[]string{"true"}, 0}, {[]string{"exit 9"}, 9}, {[]string{"exit 255"}, 255}, {[]string{"no-such-command"}, 127},
		{[]string{"kill -TERM $$"}, 143}, {[]string{"kill -KILL $$"}, 137}, {[]string{"sh", "-c", "kill -INT $$"}, 130},
	} {
		began := time.Now()
		if r := w.try(nil, append([]string{"limavm", "shell", "dev"}, tt.args...)...); r.code != tt.want {
			w.t.Errorf("%q ended with %d, want %d: %s", tt.args, r.code, tt.want, r.err)
		}
		w.t.Logf("%q took %s", tt.args, time.Since(began).Round(time.Millisecond))
	}
}

// checkBytes: a megabyte of anything goes in and comes back unchanged, and standard error is a
// stream of its own.
func checkBytes(w *world) {
	data := make([]byte, 1<<20)
	if _, err := rand.NewChaCha8(sha256.Sum256([]byte("shell"))).Read(data); err != nil {
		w.t.Fatal(err)
	}
	for i := range 256 {
		data[i] = byte(i)
	}
	if r := w.try(bytes.NewReader(data), "limavm", "shell", "dev", "cat"); r.out != string(data) {
		w.t.Errorf("%d bytes came back as %d others", len(data), len(r.out))
	}
	r := w.try(strings.NewReader("in"), "limavm", "shell", "dev", "cat; echo err >&2")
	if r.out != "in" || r.err != "err\n" {
		w.t.Errorf("got out %q, err %q", r.out, r.err)
	}
	w.expect(w.rdd("limavm", "shell", "dev", "printf", "%s|", "a  b", `c"d`, "$e", "f'g", ""), `a  b|c"d|$e|f'g||`)
}

// checkInterruption: a signal to the command ends it and what it runs in the guest.
func checkInterruption(w *world) {
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		cmd, out := w.start("limavm", "shell", "dev", "echo begun; exec sleep 12345")
		out.await(w.t, "begun")
		if err := cmd.Process.Signal(signal); err != nil {
			w.t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != want {
			w.t.Errorf("%s: ended with %v, want %d", signal, err, want)
		}
		// Its end in the guest takes a moment.
		w.rdd("limavm", "shell", "dev", "while grep -qsa 'sleep.1234[5]' /proc/[0-9]*/cmdline; do sleep 0.1; done")
	}
}

// checkSurroundings: the working directory and the locale of a command.
func checkSurroundings(w *world) {
	w.expect(w.rdd("limavm", "shell", "--workdir", "/usr/lib", "dev", "pwd"), "/usr/lib")
	w.expect(w.rdd("limavm", "shell", "--workdir", "/etc", "dev", "cat", "greeting"), "hello")
	if r := w.try(nil, "limavm", "shell", "--workdir", "/no/such", "dev", "echo", "reached"); r.code == 0 || r.out != "" ||
		!strings.Contains(r.err, "/no/such") {
		w.t.Errorf("a directory that does not exist: %+v", r)
	}
	w.expect(w.rdd("limavm", "shell", "dev", `test "$PWD" = "$HOME" && echo home`), "home")
	cmd := w.command("limavm", "shell", "dev", "pwd")
	cmd.Dir = filepath.Join(w.home, "src", "deep")
	if out, err := cmd.Output(); err != nil || string(out) != "/src/deep\n" {
		w.t.Errorf("in a mounted directory: %q, %v", out, err)
	}
	w.expect(w.rdd("limavm", "shell", "dev", "locale charmap"), "UTF-8")
	w.expect(w.rdd("limavm", "shell", "dev", "printf", "%s", "grüße ✓"), "grüße ✓")
}

// checkTerminalSession types into a login shell on a terminal whose size changes.
func checkTerminalSession(w *world) {
	terminal := openTerminal(w.t, 31, 97)
	cmd := w.command("limavm", "shell", "dev")
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal.user, terminal.user, terminal.user
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	// What is typed is echoed: the expected text never stands in it as such.
	terminal.typeIn(w.t, "echo size=$(stty size) term=$TERM tty=$(tty)\r")
	terminal.out.await(w.t, `size=31 97 term=xterm tty=/dev/pts/\d+`)
	terminal.resize(w.t, 42, 123)
	terminal.typeIn(w.t, "until stty size | grep -q '^42 '; do sleep 0.1; done; echo now=$(stty size)\r")
	terminal.out.await(w.t, "now=42 123")
	// The signal is for the program that prints this: before, the shell would get it.
	terminal.typeIn(w.t, "sh -c 'echo begun=$((1+1)); exec sleep 12345'\r")
	terminal.out.await(w.t, "begun=2")
	terminal.typeIn(w.t, "\x03")
	terminal.out.await(w.t, `\^C`)
	terminal.typeIn(w.t, "echo still=$((40+2))\r")
	terminal.out.await(w.t, "still=42")
	// A process that keeps the terminal open does not delay the end.
	terminal.typeIn(w.t, "(trap '' HUP; exec sleep 54321) &\r")
	terminal.typeIn(w.t, "exit 7\r")
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		w.t.Errorf("the shell ended with %v, want 7", err)
	}
	if mode := terminal.mode(w.t); mode.Lflag&(unix.ECHO|unix.ICANON) != unix.ECHO|unix.ICANON {
		w.t.Error("the terminal was left in raw mode")
	}
}

// checkWithoutDaemon: shells and logs need no daemon, and start none.
func checkWithoutDaemon(w *world) {
	w.rdd("service", "stop")
	w.expect(w.rdd("limavm", "shell", "dev", "cat", "/etc/greeting"), "hello")
	w.expectIn(w.rdd("limavm", "logs", "dev", "-o", "hostagent", "-n", "5"), "running")
	out := w.rdd("why", "dev")
	w.expectIn(out, `The daemon is not running; LimaVM "dev"'s machine goes on running`)
	w.expectIn(out, "phase")
	w.expectIn(w.rdd("service", "status"), "not running")
	w.rdd("service", "start")
}

// checkReports: what why, list and status print of a machine that runs.
func checkReports(w *world) {
	why := w.rdd("why", "dev")
	if !strings.HasPrefix(why, `LimaVM "dev" runs: nothing blocks it.`) {
		w.t.Errorf("why begins with %.100q", why)
	}
	for _, want := range []string{"event", "Started", "phase", "booting"} {
		w.expectIn(why, want)
	}
	w.expectIn(w.rdd("limavm", "list"), "Running for ")
	w.expectIn(w.rdd("status"), "Other VM")
}

// checkRestart: a change of parameters restarts the guest, and a followed log goes on over it.
func checkRestart(w *world) {
	cmd, out := w.start("limavm", "logs", "dev", "-f", "-n", "0", "-o", "events")
	w.expectIn(w.rdd("limavm", "params", "dev", "greeting=moin", timeout), "has taken up its parameters and is running")
	w.expect(w.rdd("limavm", "shell", "dev", "cat", "/etc/greeting"), "moin")
	out.await(w.t, `"running":true`)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		w.t.Errorf("following a log ended with %v", err)
	}
	w.expectIn(w.rdd("ctl", "get", "configmap", "dev-template", "-o", "jsonpath={.data.template}"), "# what the user wrote stays")
}
