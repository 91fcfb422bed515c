// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/containers/smokeimage"
	"rancherdesktop.io/rdd/internal/vm"
)

// hasty is the timing for engines that answer at once or never.
var hasty = Timing{
	Grace: 200 * time.Millisecond, StepTimeout: 2 * time.Second, Retry: 10 * time.Millisecond, RetryMax: 20 * time.Millisecond,
	Ping: 50 * time.Millisecond, PingTimeout: 100 * time.Millisecond, Cleanup: 100 * time.Millisecond,
}

func TestEachStepOfDockerFailing(t *testing.T) {
	for pattern, step := range map[string]string{
		"GET /containers/json":             "removing what an earlier proof left",
		"GET /images/{domain}/{name}/json": "loading the image " + smokeimage.Name,
		"POST /images/load":                "loading the image " + smokeimage.Name,
		"POST /containers/create":          "running a container: creating it",
		"POST /containers/{id}/wait":       "running a container: waiting for its end",
		"POST /containers/{id}/start":      "running a container: starting it",
		"GET /containers/{id}/logs":        "running a container: reading its output",
		"DELETE /containers/{id}":          "removing it",
	} {
		d := startDocker(t)
		h := dockerHost(t, d.socket)
		d.set(func() { d.fail[pattern] = "the disk is full" })
		err := smokeTest(t.Context(), h, hasty)
		if err == nil || !strings.Contains(err.Error(), step) || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("%s: got %v", pattern, err)
		}
		expectRecovery(t, d, h, pattern)

		d.set(func() { d.layer, d.hang[pattern] = "", true })
		if err = smokeTest(t.Context(), h, hasty); err == nil || !strings.Contains(err.Error(), "took longer than 2s") {
			t.Errorf("%s hangs: got %v", pattern, err)
		}
		expectRecovery(t, d, h, pattern)
	}
}

// expectRecovery tests the engine once more, which leaves nothing behind.
func expectRecovery(t *testing.T, d *fakeDocker, h host, pattern string) {
	t.Helper()
	d.set(func() { clear(d.fail); clear(d.hang) })
	if err := smokeTest(t.Context(), h, hasty); err != nil {
		t.Errorf("after %s was cured: %v", pattern, err)
	}
	if left := h.names(t); len(left) > 0 {
		t.Errorf("after %s was cured: %q are left", pattern, left)
	}
}

func TestEachStepOfContainerdFailing(t *testing.T) {
	for command, step := range map[string]string{
		"containers ls": "removing what an earlier proof left",
		"remove":        "removing what an earlier proof left",
		"images ls":     "loading the image " + smokeimage.Name,
		"images import": "loading the image " + smokeimage.Name,
		"run":           "running a container",
	} {
		g := newGuest(t)
		h := guestHost(t, "rd", g.shell)
		g.set(func() { g.fail[command], g.containers["left"] = "ctr: the disk is full", true })
		err := smokeTest(t.Context(), h, hasty)
		if err == nil || !strings.Contains(err.Error(), step) || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("%s: got %v", command, err)
		}
		g.set(func() { clear(g.fail) })
		if err := smokeTest(t.Context(), h, hasty); err != nil || len(h.names(t)) > 0 {
			t.Errorf("after %s was cured: %v; %q are left", command, err, h.names(t))
		}
	}
}

// TestRemovalBySomeoneElse: a daemon that was killed has asked Docker for the removal of its
// container, which goes on.
func TestRemovalBySomeoneElse(t *testing.T) {
	for name, end := range map[string]http.HandlerFunc{
		"it ends during the wait": func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]int{"StatusCode": 137}) },
		"it ended before the wait": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusNotFound, "No such container: left")
		},
	} {
		d := startDocker(t)
		d.set(func() {
			d.containers["left"] = &fakeContainer{id: "left", name: "left", labels: map[string]string{label: "true"}}
			d.replace = map[string]http.HandlerFunc{
				"DELETE /containers/{id}": func(w http.ResponseWriter, _ *http.Request) {
					refuse(w, http.StatusConflict, "removal of container left is already in progress")
				},
				"POST /containers/{id}/wait": func(w http.ResponseWriter, r *http.Request) {
					if got := r.FormValue("condition"); got != "removed" {
						t.Errorf("waits for the condition %q", got)
					}
					d.set(func() { delete(d.containers, "left"); d.replace = nil })
					end(w, r)
				},
			}
		})
		if err := smokeTest(t.Context(), dockerHost(t, d.socket), hasty); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestContainerThatDoesNotDoItsWork(t *testing.T) {
	d, g := startDocker(t), newGuest(t)
	for _, h := range []host{dockerHost(t, d.socket), guestHost(t, "rd", g.shell)} {
		for _, c := range []struct {
			exit         int
			output, want string
		}{
			{139, "", "exit code 139 and wrote nothing"},
			{0, "something else\n", `and wrote "something else\n"`},
			{0, strings.Repeat("x", 1000), `xxx…"`},
		} {
			d.set(func() { d.exit, d.output = c.exit, c.output })
			g.set(func() { g.exit, g.output = c.exit, c.output })
			if err := smokeTest(t.Context(), h, hasty); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if left := h.names(t); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		}
	}
}

func TestSmokeContainerHasNeitherNetworkNorAWritableRoot(t *testing.T) {
	d := startDocker(t)
	d.set(func() { d.hang["POST /containers/{id}/start"] = true })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- smokeTest(ctx, dockerHost(t, d.socket), DefaultTiming()) }()
	await(t, func() bool { return d.count("POST /containers/{id}/start") == 1 })
	d.set(func() {
		for _, c := range d.containers {
			if c.host["NetworkMode"] != "none" || c.host["ReadonlyRootfs"] != true || c.labels[label] == "" ||
				!strings.HasPrefix(c.name, namePrefix) {
				t.Errorf("got %+v", c)
			}
		}
		clear(d.hang)
	})
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := d.names(); len(left) > 0 {
		t.Errorf("%q are left by a proof that was called off", left)
	}
}

func TestImageIsLoadedOnce(t *testing.T) {
	d := startDocker(t)
	h := dockerHost(t, d.socket)
	loads := func(want int) {
		t.Helper()
		if err := smokeTest(t.Context(), h, hasty); err != nil {
			t.Fatal(err)
		}
		if got := d.count("POST /images/load"); got != want {
			t.Errorf("it was loaded %d times, not %d", got, want)
		}
	}
	loads(1)
	loads(1)
	h.forget(t)
	loads(2)
	d.set(func() { d.layer = "sha256:somebody's, of the same name" })
	loads(3)
}

func TestVersionsOfDocker(t *testing.T) {
	for engine, want := range map[string]string{"1.41": "1.41", "1.48": "1.48"} {
		d := startDocker(t)
		d.set(func() { d.apiVersion = engine })
		h := dockerHost(t, d.socket)
		if _, err := h.version(t.Context()); err != nil {
			t.Errorf("%s: %v", engine, err)
		}
		if err := smokeTest(t.Context(), h, hasty); err != nil { // the fake complains of another version
			t.Errorf("%s: %v", engine, err)
		}
		if got := h.(mobyHost).client.ClientVersion(); got != want {
			t.Errorf("%s: the client speaks %s", engine, got)
		}
	}
}

func TestMessageForAForwardedSocketWithNothingBehind(t *testing.T) {
	d := startDocker(t)
	d.stop()
	h := dockerHost(t, d.socket)
	if _, err := h.version(t.Context()); err == nil {
		t.Error("a socket that is gone has a version")
	}
	listener := listen(t, d.socket)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	if _, err := h.version(t.Context()); err == nil || !strings.Contains(err.Error(), "nothing answers behind it") {
		t.Errorf("got %v", err)
	}
}

func TestVersionOfContainerdThatIsNone(t *testing.T) {
	h := guestHost(t, "rd", func(_ context.Context, _ string, c vm.Command) (int, error) {
		io.WriteString(c.Stdout, "Client:\n  Version:  1.7\n")
		return 0, nil
	})
	if v, err := h.version(t.Context()); err == nil {
		t.Errorf("got %q", v)
	}
}

func TestGuestThatCannotBeReached(t *testing.T) {
	g := newGuest(t)
	g.unreachable = errors.New("connection refused")
	h := guestHost(t, "rd", g.shell)
	if _, err := h.version(t.Context()); err == nil || !strings.Contains(err.Error(), "reaching the guest: connection refused") {
		t.Errorf("got %v", err)
	}
	if err := h.listen(t.Context(), func() {}); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

// The whole, with Docker's real client: found, lost, found; killed smoke tests swept up; nothing
// left by Close.
func TestMonitorOfDocker(t *testing.T) {
	d := startDocker(t)
	m := NewMonitor(Config{DockerSocket: d.socket, Timing: hasty})
	defer m.Close()
	m.Follow(&target)
	phase := func(want Phase) func() bool {
		return func() bool { state := m.State(); return state != nil && state.Phase == want }
	}
	starts := func(n int) func() bool {
		return func() bool { return d.count("POST /containers/{id}/start") >= n }
	}
	await(t, phase(PhaseConnected))
	d.cut()
	await(t, starts(2))
	if !phase(PhaseConnected)() {
		t.Errorf("got %+v", m.State())
	}
	d.stop()
	await(t, phase(PhaseFailed))
	d.start()
	await(t, phase(PhaseConnected))
	d.set(func() { d.hang["/_ping"] = true })
	await(t, phase(PhaseFailed))
	d.set(func() { clear(d.hang) })
	await(t, phase(PhaseConnected))
	if left := d.names(); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

func TestMonitorOfContainerd(t *testing.T) {
	g := newGuest(t)
	m := NewMonitor(Config{Shell: g.shell, Timing: hasty})
	m.Follow(&Target{Engine: Containerd, Instance: "rd"})
	phase := func(want Phase) func() bool { return func() bool { return m.State().Phase == want } }
	await(t, phase(PhaseConnected))
	g.set(func() { g.unreachable = errors.New("the hostagent is gone") })
	g.cut()
	await(t, phase(PhaseFailed))
	g.set(func() { g.unreachable = nil })
	await(t, phase(PhaseConnected))
	if version := m.State().Version; version != "1.7.24~ds1" {
		t.Errorf("got the version %q", version)
	}
	m.Close()
	g.set(func() {
		if g.ended != 2 || !slices.Contains(g.calls, "run") {
			t.Errorf("%d event streams have ended; the calls were %q", g.ended, g.calls)
		}
	})
}
