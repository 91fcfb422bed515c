// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// docker runs the real command against the world's configuration.
func (w *world) docker(args ...string) string {
	w.Helper()
	cmd := exec.Command("docker", args...)
	cmd.Env = []string{"HOME=" + w.dir, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestRealDocker shows docker's own command line what we write, and lets it change it.
func TestRealDocker(t *testing.T) {
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("there is no docker command in PATH")
	}
	w := newWorld(t)
	w.docker("context", "create", "other", "--docker", "host=unix:///other.sock")
	w.docker("context", "use", "other")
	before := w.snapshot()
	h := w.host("2")
	w.apply(h, w.ready(1))
	if out := w.docker("context", "ls"); !strings.Contains(out, "rancher-desktop-2 *") || !strings.Contains(out, h.socketURL()) {
		t.Errorf("docker context ls:\n%s", out)
	}
	if out := w.docker("context", "inspect"); !strings.Contains(out, contextDescription) || !strings.Contains(out, `"SkipTLSVerify": false`) {
		t.Errorf("docker context inspect:\n%s", out)
	}
	w.docker("context", "use", "other")
	w.apply(h, w.ready(1))
	w.docker("context", "use", h.Name)
	w.apply(h, Want{})
	if out := strings.TrimSpace(w.docker("context", "show")); out != "other" {
		t.Errorf("afterwards docker uses %s", out)
	}
	w.same("undone", before)
	// What docker itself writes for such a context is what we write.
	w.apply(h, Want{Docker: true})
	written := w.read(contextFile(w.env.ConfigDir, h.Name))
	w.docker("context", "rm", h.Name)
	w.wantState(h, NotApplied, NotApplied, Off)
	w.docker("context", "create", h.Name, "--description", contextDescription, "--docker", "host="+h.socketURL())
	if got := w.read(contextFile(w.env.ConfigDir, h.Name)); got != written {
		t.Errorf("docker writes\n%s\nand we\n%s", got, written)
	}
}

// TestWorks asks endpoints of each kind.
func TestWorks(t *testing.T) {
	dir, err := os.MkdirTemp("", "rdd") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	tcp := serve(t, "tcp", "127.0.0.1:0")
	serve(t, "unix", socket)
	odd := filepath.Join(dir, "a %zz")
	serve(t, "unix", odd)
	for _, tt := range []struct {
		endpoint endpoint
		want     bool
	}{
		{endpoint{url: "unix://" + socket}, true},
		{endpoint{url: "unix://" + socket + "x"}, false},
		{endpoint{url: "tcp://" + tcp}, true},
		{endpoint{url: "unix://" + odd}, true},
		{endpoint{url: "tcp://127.0.0.1:1"}, false},
		{endpoint{url: "tcp://127.0.0.1:1", tls: true}, true},
		{endpoint{url: "ssh://someone@example.org"}, true},
		{endpoint{url: ""}, false},
		{endpoint{url: ":"}, false},
	} {
		if got := works(t.Context(), tt.endpoint); got != tt.want {
			t.Errorf("%+v works: %v", tt.endpoint, got)
		}
	}
	w := newWorld(t)
	h := w.host("2")
	h.works = works
	w.context("good", "unix://"+socket)
	w.context("bad", "unix://"+socket+"x")
	w.write(contextFile(w.env.ConfigDir, "damaged"), "{", 0o600)
	for name, want := range map[string]bool{"good": true, "bad": false, "damaged": false, "none": false, defaultContext: false} {
		if got := h.contextWorks(context.Background(), w.env.ConfigDir, name); got != want {
			t.Errorf("the context %s works: %v", name, got)
		}
	}
}

func TestWithPort(t *testing.T) {
	for address, want := range map[string]string{"h": "h:2375", "h:1": "h:1", "[::1]": "[::1]:2375", "[::1]:1": "[::1]:1"} {
		if got := withPort(address); got != want {
			t.Errorf("%s became %s", address, got)
		}
	}
}

// serve answers pings, and nothing else.
func serve(t *testing.T, network, address string) string {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_ping" {
			w.WriteHeader(http.StatusNotFound)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}
