// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/process"
)

// requireLong skips what takes too long for every run: make e2e-long.
func requireLong(t *testing.T) {
	t.Helper()
	requireE2E(t)
	if os.Getenv("RDD_E2E_LONG") != "1" {
		t.Skip("takes long: set RDD_E2E_LONG=1 or use make e2e-long")
	}
}

// fromEnvironment returns the number in an environment variable, or fallback without it.
func fromEnvironment(t *testing.T, name string, fallback int) int {
	t.Helper()
	text, ok := os.LookupEnv(name)
	if !ok {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestLongKills kills the daemon, the hostagent or both of a running guest, again and again. The
// guest notices nothing. RDD_E2E_KILLS says how often, RDD_E2E_SEED repeats a run.
func TestLongKills(t *testing.T) {
	requireLong(t)
	kills, seed := fromEnvironment(t, "RDD_E2E_KILLS", 100), fromEnvironment(t, "RDD_E2E_SEED", int(time.Now().UnixNano()&0xffffff))
	t.Logf("%d kills, RDD_E2E_SEED=%d", kills, seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	w := newWorld(t, "")
	w.rdd("start", timeout)
	before, guest := w.bootID(), w.guest()

	counts := map[string]int{}
	for i := range kills {
		daemon, agent := random.IntN(3) != 0, random.IntN(2) != 0
		if !daemon && !agent {
			agent = true
		}
		what := w.killSome(daemon, agent)
		counts[what]++
		// Every other time something is killed again during the recovery.
		if i%2 == 1 {
			w.rdd("status")
			counts[w.killSome(true, false)]++
		}
		w.rdd("start", timeout)
		if after := w.bootID(); after != before {
			t.Fatalf("kill %d (%s): boot id %s became %s", i, what, before, after)
		}
		if now := w.guest(); now != guest {
			t.Fatalf("kill %d (%s): guest %+v became %+v", i, what, guest, now)
		}
	}
	t.Logf("killed %v; boot id %s all the time", counts, before)
	w.expect(w.rdd("ctl", "get", "limavm", appVM, "-o", "jsonpath={.status.restartCount}"), "1")
	w.rdd("delete", timeout)
	w.checkNothingLeft()
}

// killSome kills the daemon, the App's hostagent or both, and returns what it has killed.
func (w *world) killSome(daemon, agent bool) string {
	w.t.Helper()
	var killed []string
	for _, p := range processesOf(w.t, w.home) {
		role := p.role()
		if (daemon && strings.Contains(role, "service serve")) || (agent && strings.Contains(role, "hostagent "+appVM)) {
			w.signal(p.id, sigkill)
			w.waitEnd(p.id)
			killed = append(killed, strings.Fields(role)[1])
		}
	}
	return strings.Join(killed, "+")
}

func (w *world) signal(id process.Identity, signal syscall.Signal) {
	w.t.Helper()
	if err := id.Signal(signal); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) waitEnd(id process.Identity) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := id.Wait(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// TestLongUnexpectedExit kills QEMU, and its hostagent with it. The machine is started again, and
// an Event has the cause.
func TestLongUnexpectedExit(t *testing.T) {
	requireLong(t)
	w := newWorld(t, "")
	w.rdd("start", timeout)
	before := w.bootID()
	w.signal(w.guest(), sigkill)
	w.await(appVM, func(m *limav1.LimaVM) bool { return m.Status.RestartCount == 2 })
	after := w.bootID()
	if after == before {
		t.Error("a guest that was killed has kept its boot id")
	}
	w.expectIn(w.rdd("ctl", "get", "events", "-A", "-o", "jsonpath={.items[*].reason}"), "MachineDied")

	guest := w.guest()
	w.killSome(false, true)
	w.signal(guest, sigkill)
	w.waitEnd(guest)
	w.await(appVM, func(m *limav1.LimaVM) bool { return m.Status.RestartCount == 3 })
	w.expectIn(w.rdd("run", timeout, "docker", "version", "--format", "{{.Server.Os}}"), "linux")
}

// TestLongStoppedHostagent stops a hostagent with SIGSTOP. Meanwhile commands end with a reason,
// and afterwards everything works.
func TestLongStoppedHostagent(t *testing.T) {
	requireLong(t)
	w := newWorld(t, "")
	w.rdd("start", timeout)
	before := w.bootID()
	agent := w.hostagent()
	w.signal(agent, syscall.SIGSTOP)
	t.Cleanup(func() { _ = agent.Signal(syscall.SIGCONT) })
	w.expectIn(w.rdd("status"), "rd")
	w.rdd("limavm", "list")
	if r := w.try(nil, "stop", "--timeout=60s"); r.code != 0 && r.code != 4 {
		t.Errorf("stopping a VM whose hostagent is stopped ended with %d: %s", r.code, r.err)
	}
	_ = agent.Signal(syscall.SIGCONT)
	w.rdd("start", timeout)
	w.rdd("stop", timeout)
	t.Logf("boot id before %s", before)
}

// hostagent of the App's VM.
func (w *world) hostagent() process.Identity {
	w.t.Helper()
	for _, p := range processesOf(w.t, w.home) {
		if strings.Contains(p.role(), "hostagent "+appVM) {
			return p.id
		}
	}
	w.t.Fatal("there is no hostagent")
	return process.Identity{}
}

// TestLongDamage damages what lies in an instance directory while the VM is stopped.
func TestLongDamage(t *testing.T) {
	requireLong(t)
	w := newWorld(t, "")
	w.rdd("start", timeout)
	w.rdd("stop", timeout)
	dir := filepath.Join(w.inst.LimaHome(), appVM)

	// A PID file that points at somebody else: this test.
	foreign := []byte(strconv.Itoa(os.Getpid()) + "\n")
	for _, name := range []string{"ha.pid", "qemu.pid"} {
		if err := os.WriteFile(filepath.Join(dir, name), foreign, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A template that was cut off is written again.
	if err := os.Truncate(filepath.Join(dir, "lima.yaml"), 40); err != nil {
		t.Fatal(err)
	}
	w.rdd("start", timeout)
	w.rdd("stop", timeout)

	record := filepath.Join(dir, "rdd.json")
	whole, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(record, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	w.rdd("start", timeout)
	if now, err := os.ReadFile(record); err != nil || !json.Valid(now) {
		t.Errorf("a damaged rdd.json is not written again from its copy: %q, %v", now, err)
	}
	w.rdd("stop", timeout)
	w.rdd("start", timeout)
	w.rdd("delete", timeout)
	w.checkNothingLeft()
}

// smallTemplate is a guest without probes.
const smallTemplate = "images:\n- location: rdd:docker\ncpus: 1\nmemory: 768MiB\ncontainerd: {system: false, user: false}\n"

// TestLongSeveral runs several machines at once. One is killed, one stopped, and the deletion of a
// namespace takes two down; the others notice nothing.
func TestLongSeveral(t *testing.T) {
	requireLong(t)
	w := newWorld(t, "")
	file := filepath.Join(w.home, "small.yaml")
	if err := os.WriteFile(file, []byte(smallTemplate), 0o600); err != nil {
		t.Fatal(err)
	}
	w.rdd("ctl", "create", "namespace", "work")
	for name, namespace := range map[string]string{"a": "default", "b": "work", "c": "work"} {
		w.rdd("limavm", "create", name, file, "-n", namespace, "--start", "--wait=false")
	}
	boots := map[string]string{}
	for _, name := range []string{"a", "b", "c"} {
		w.rdd("limavm", "start", name, timeout)
		w.expect(w.rdd("limavm", "shell", name, "hostname"), name)
		boots[name] = w.bootIDOf(name)
	}
	if boots["a"] == boots["b"] || boots["b"] == boots["c"] {
		t.Errorf("the machines are not machines of their own: %v", boots)
	}
	if r := w.try(nil, "limavm", "create", "a", file, "-n", "work"); r.code != 3 {
		t.Errorf("a name that another namespace has was taken: exit code %d", r.code)
	}

	w.rdd("limavm", "restart", "b", timeout)
	w.rdd("limavm", "stop", "c", "--force", timeout)
	w.expect(w.bootIDOf("a"), boots["a"])
	if w.bootIDOf("b") == boots["b"] {
		t.Error("a machine that was restarted has kept its boot id")
	}
	w.rdd("limavm", "reset", "c", "--yes", timeout)
	w.rdd("ctl", "delete", "namespace", "work", "--timeout=10m")
	w.expect(w.rdd("limavm", "list", "-q"), "a")
	w.expect(w.bootIDOf("a"), boots["a"])
	w.rdd("limavm", "delete", "a", timeout)
	w.checkNothingLeft()
}

func (w *world) bootIDOf(name string) string {
	w.t.Helper()
	return w.rdd("limavm", "shell", name, "cat", "/proc/sys/kernel/random/boot_id")
}
