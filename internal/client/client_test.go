// SPDX-License-Identifier: Apache-2.0

package client

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/version"
)

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		daemon, own string
		want        int
	}{
		{"v1.0.0", "v1.0.0", 0},
		{"v1.0.0", "v1.0.1", -1},
		{"v1.1.0", "v1.0.9", 1},
		{"v1.0.0", "", 0},
		{"", "v1.0.0", -1},
		{"", "", 0},
	} {
		if got := compare(version.Build{Version: test.daemon}, version.Build{Version: test.own}); got != test.want {
			t.Errorf("compare(%q, %q) = %d, want %d", test.daemon, test.own, got, test.want)
		}
	}
}

func writeRecord(t *testing.T, inst instance.Instance, data []byte) {
	t.Helper()
	if err := os.WriteFile(presence.RecordFile(inst), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	inst := instance.Instance{Name: "t", Dir: t.TempDir()}
	self, err := process.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	record := presence.Record{Process: self, Build: version.Build{Version: "v1.0.0"}, Port: 1234, Started: time.Now().Round(0)}
	live, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	other := record
	other.Process.StartTime++
	leftover, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string, want State) {
		t.Helper()
		if got, _, err := Find(inst); err != nil || got != want {
			t.Errorf("%s: state %d, want %d: %v", what, got, want, err)
		}
	}
	expect("nothing there", Stopped)
	writeRecord(t, inst, live)
	expect("a record without the lock", Stopped)
	lock, err := flock.Try(inst.LockFile())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	expect("lock and record", Running)
	if _, found, _ := Find(inst); found.Port != 1234 || found.Build.Version != "v1.0.0" {
		t.Errorf("found %+v", found)
	}
	writeRecord(t, inst, leftover)
	expect("the record of a process that is gone", Changing)
	if err := os.Remove(presence.RecordFile(inst)); err != nil {
		t.Fatal(err)
	}
	expect("the lock alone", Changing)
	writeRecord(t, inst, []byte("{"))
	if _, _, err := Find(inst); err == nil || !strings.Contains(err.Error(), presence.RecordFile(inst)) {
		t.Errorf("a broken record: %v", err)
	}
}

func TestConnectNoStart(t *testing.T) {
	inst := instance.Instance{Name: "t", Dir: t.TempDir()}
	if _, err := Connect(t.Context(), inst, Options{NoStart: true}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("without a daemon: %v", err)
	}
}

func TestTail(t *testing.T) {
	path := t.TempDir() + "/log"
	if err := os.WriteFile(path, []byte("old\n"+strings.Repeat("new\n", 20)+"last\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := tail(path, 4)
	if strings.Contains(got, "old") || !strings.HasSuffix(got, "  last") || strings.Count(got, "new") != logTail-1 {
		t.Errorf("the tail is %q", got)
	}
	if got := tail(path+"-missing", 0); got != "" {
		t.Errorf("the tail of nothing is %q", got)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 100<<10)+"\nlast\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := tail(path, 0); !strings.HasSuffix(got, "\n  last") {
		t.Errorf("the tail after a long line is %q", got)
	}
}

// TestConfig reads kubeconfigs that are missing, truncated, empty or of another kind. Each error
// names the file.
func TestConfig(t *testing.T) {
	inst := instance.Instance{Name: "t", Dir: t.TempDir()}
	whole := `apiVersion: v1
kind: Config
current-context: rdd-t
clusters: [{name: rdd-t, cluster: {server: "https://127.0.0.1:6553"}}]
users: [{name: rdd-t, user: {token: secret}}]
contexts: [{name: rdd-t, context: {cluster: rdd-t, user: rdd-t}}]
`
	for name, content := range map[string]string{
		"cut off":  whole[:len(whole)/2],
		"empty":    "",
		"garbage":  "\x00\x01\x02",
		"a list":   "- apiVersion: v1\n",
		"no users": strings.ReplaceAll(whole, "users:", "losers:"),
	} {
		if err := os.WriteFile(inst.ConfigFile(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if config, err := Config(inst); err == nil || !strings.Contains(err.Error(), inst.ConfigFile()) {
			t.Errorf("%s: %+v, %v", name, config, err)
		}
	}
	if err := os.WriteFile(inst.ConfigFile(), []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if config, err := Config(inst); err != nil || config.Host != "https://127.0.0.1:6553" || config.BearerToken != "secret" {
		t.Errorf("a whole kubeconfig: %+v, %v", config, err)
	}
	if err := os.Remove(inst.ConfigFile()); err != nil {
		t.Fatal(err)
	}
	if _, err := Config(inst); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), inst.ConfigFile()) {
		t.Errorf("without a kubeconfig: %v", err)
	}
}

// TestFindInAnotherNamespace: a daemon that this process cannot see is said to be so, instead of
// one that goes on starting for ever.
func TestFindInAnotherNamespace(t *testing.T) {
	inst := instance.Instance{Name: "t", Dir: t.TempDir()}
	self, err := process.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	write := func(namespace string) {
		t.Helper()
		data, err := json.Marshal(presence.Record{Process: self, Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		writeRecord(t, inst, data)
	}
	lock, err := flock.Try(inst.LockFile())
	if err != nil {
		t.Fatal(err)
	}
	write(process.Namespace())
	if state, _, err := Find(inst); state != Running || err != nil {
		t.Errorf("in this namespace: %v, %v", state, err)
	}
	write("pid:[1]")
	var elsewhere *NamespaceError
	if _, _, err := Find(inst); !errors.As(err, &elsewhere) || elsewhere.PID != os.Getpid() {
		t.Errorf("in another namespace: %v", err)
	}
	if _, err := Stop(t.Context(), inst); !errors.As(err, &elsewhere) {
		t.Errorf("stopping it: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if state, _, err := Find(inst); state != Stopped || err != nil {
		t.Errorf("its record is left: %v, %v", state, err)
	}
}
