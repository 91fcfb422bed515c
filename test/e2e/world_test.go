// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

const (
	// waitTimeout bounds single commands and waits: guests may be emulated on a busy machine.
	waitTimeout = 15 * time.Minute
	// timeout is for rdd's own waits. It is shorter than waitTimeout, so that rdd ends first and says
	// why.
	timeout      = "--timeout=14m"
	instanceName = "e2e"
	homeVariable = "RDD_E2E_HOME"
)

// world is a user's account on this machine: a HOME with one rdd instance.
type world struct {
	t      *testing.T
	home   string
	cache  string
	binary string
	inst   instance.Instance
}

// newWorld makes an account that is removed with the test, also after a failure. cache is the
// directory of its cache; empty means the real user's.
func newWorld(t *testing.T, cache string) *world {
	t.Helper()
	requireE2E(t)
	binary := os.Getenv("RDD_BINARY")
	if binary == "" {
		binary = filepath.Join("..", "..", "bin", "rdd")
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("the binary to test is missing: make build (%v)", err)
	}
	if cache == "" {
		if cache, err = os.UserCacheDir(); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{t: t, home: makeHome(t), cache: cache, binary: binary}
	w.inst = instance.Instance{
		Name:     instanceName,
		Dir:      filepath.Join(w.home, ".local", "share", "rancher-desktop-"+instanceName),
		LogDir:   filepath.Join(w.home, ".local", "state", "rancher-desktop-"+instanceName),
		ShortDir: filepath.Join(w.home, ".rd"+instanceName),
		CacheDir: filepath.Join(cache, "rancher-desktop"),
	}
	t.Cleanup(w.tearDown)
	if err := os.Mkdir(w.temp(), 0o700); err != nil {
		t.Fatal(err)
	}
	return w
}

func requireE2E(t *testing.T) {
	t.Helper()
	if os.Getenv("RDD_E2E") != "1" {
		t.Skip("end-to-end tests run a real guest: set RDD_E2E=1 or use make e2e")
	}
}

// makeHome makes a directory whose path is short enough for sockets. A child process of a test uses
// its parent's.
func makeHome(t *testing.T) string {
	t.Helper()
	if home := os.Getenv(homeVariable); home != "" {
		return home
	}
	home, err := os.MkdirTemp("", "rdd")
	if err != nil {
		t.Fatal(err)
	}
	return home
}

// temp is the directory for temporary files of this world's processes, so that left ones are found.
func (w *world) temp() string { return filepath.Join(w.home, "tmp") }

func (w *world) environment() []string {
	env := []string{
		"HOME=" + w.home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + w.temp(),
		"XDG_CACHE_HOME=" + w.cache, "RDD_INSTANCE=" + instanceName, "LC_ALL=C.UTF-8",
	}
	for _, name := range []string{"RDD_VM_ACCEL", "USER", "LOGNAME"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// result of a command.
type result struct {
	out, err string
	code     int
}

// try runs rdd to its end.
func (w *world) try(stdin io.Reader, args ...string) result {
	w.t.Helper()
	r, err := w.exec(stdin, args...)
	if err != nil {
		w.t.Fatalf("rdd %s: %v", strings.Join(args, " "), err)
	}
	return r
}

func (w *world) exec(stdin io.Reader, args ...string) (result, error) {
	return w.call(call{program: w.binary, args: args, stdin: stdin})
}

// call is a program that runs to its end in a world.
type call struct {
	program string
	args    []string
	stdin   io.Reader
	dir     string   // empty: HOME
	env     []string // more than the world's
}

// call runs a program. Its exit code is not an error.
func (w *world) call(c call) (result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, c.args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Dir = append(w.environment(), c.env...), cmp.Or(c.dir, w.home)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.stdin, &out, &errs
	began := time.Now()
	err := cmd.Run()
	r := result{out: out.String(), err: errs.String(), code: cmd.ProcessState.ExitCode()}
	name := filepath.Base(c.program) + " " + strings.Join(c.args, " ")
	w.t.Logf("%5.1f s: %s → %d\n%s%s", time.Since(began).Seconds(), name, r.code, indent(r.err), indent(r.out))
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		err = nil
	}
	return r, err
}

// rdd runs a command that must succeed and returns its output without the spaces around it.
func (w *world) rdd(args ...string) string {
	w.t.Helper()
	r := w.try(nil, args...)
	if r.code != 0 {
		w.t.Fatalf("rdd %s ended with exit code %d:\n%s", strings.Join(args, " "), r.code, r.err)
	}
	return strings.TrimSpace(r.out)
}

func indent(text string) string {
	if !utf8.ValidString(text) {
		return fmt.Sprintf("        (%d bytes that are no text)\n", len(text))
	}
	if len(text) > 3000 {
		text = text[:3000] + "…"
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("        " + line)
	}
	return b.String()
}

// tearDown removes the instance as a user would. Then it checks that nothing is left, and removes
// what is.
func (w *world) tearDown() {
	if w.t.Failed() {
		w.showLogs()
	}
	if exists, err := presence.Exists(w.inst); err != nil || exists {
		if r, err := w.exec(nil, "service", "delete", timeout); err != nil || r.code != 0 {
			w.t.Errorf("the teardown's `rdd service delete` failed: %v", err)
		}
	}
	for _, p := range processesOf(w.t, w.home) {
		w.t.Errorf("left after the teardown: process %s", p)
		if err := p.id.Signal(sigkill); err != nil {
			w.t.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := p.id.Wait(ctx); err != nil {
			w.t.Error(err)
		}
		cancel()
	}
	if err := os.RemoveAll(w.home); err != nil {
		w.t.Errorf("removing the test's HOME: %v", err)
	}
}

// showLogs logs the instance's logs after a failure.
func (w *world) showLogs() {
	logs, _ := filepath.Glob(filepath.Join(w.inst.LogDir, "*.log"))
	more, _ := filepath.Glob(filepath.Join(w.inst.LimaHome(), "*", "*.log"))
	for _, path := range append(logs, more...) {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		w.t.Logf("end of %s:\n%s", path, indent(string(data[max(0, len(data)-2500):])))
	}
}

// connect returns a client of the daemon that runs.
func (w *world) connect() (*client.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return client.Connect(ctx, w.inst, client.Options{NoStart: true})
}

// daemon is the running daemon's record.
func (w *world) daemon() presence.Record {
	w.t.Helper()
	state, record, err := client.Find(w.inst)
	if err != nil || state != client.Running {
		w.t.Fatalf("there is no running daemon: state %d, %v", state, err)
	}
	return record
}

func (w *world) String() string { return fmt.Sprintf("HOME=%s", w.home) }
