// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"rancherdesktop.io/rdd/internal/containers/smokeimage"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/shell"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// These environment variables name real engines for the conformance tests: Docker's socket, and the
// instance directory of a machine with containerd.
const (
	dockerVariable     = "RDD_TEST_DOCKER_SOCKET"
	containerdVariable = "RDD_TEST_CONTAINERD_INSTANCE"
)

// host is what the tests do in an engine as its user.
type host interface {
	engine
	// plant leaves a container of the smoke test's image behind.
	plant(t *testing.T, name string, labelled bool)
	// names of all containers.
	names(t *testing.T) []string
	// forget removes the smoke test's image, as `docker image prune -a` does.
	forget(t *testing.T)
}

type mobyHost struct{ *moby }

func (h mobyHost) plant(t *testing.T, name string, labelled bool) {
	t.Helper()
	labels := map[string]string{"somebody": "else"}
	if labelled {
		labels = map[string]string{label: "true"}
	}
	_, err := h.client.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name: name, Config: &container.Config{Image: smokeimage.Name, Labels: labels},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h mobyHost) names(t *testing.T) []string {
	t.Helper()
	list, err := h.client.ContainerList(t.Context(), client.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range list.Items {
		names = append(names, strings.TrimPrefix(c.Names[0], "/"))
	}
	return names
}

func (h mobyHost) forget(t *testing.T) {
	t.Helper()
	if _, err := h.client.ImageRemove(t.Context(), smokeimage.Name, client.ImageRemoveOptions{PruneChildren: true, Force: true}); err != nil {
		t.Fatal(err)
	}
}

type containerdHost struct{ *containerd }

func (h containerdHost) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.ctr(t.Context(), nil, append([]string{"-n", namespace}, args...)...)
	if err != nil {
		t.Fatalf("ctr %q: %v", args, err)
	}
	return out
}

func (h containerdHost) plant(t *testing.T, name string, labelled bool) {
	t.Helper()
	mark := "somebody=else"
	if labelled {
		mark = label + "=true"
	}
	h.must(t, "containers", "create", "--label", mark, smokeimage.Name, name)
}

func (h containerdHost) names(t *testing.T) []string {
	t.Helper()
	return strings.Fields(h.must(t, "containers", "ls", "-q"))
}

func (h containerdHost) forget(t *testing.T) { h.must(t, "images", "rm", "--sync", smokeimage.Name) }

func image(t *testing.T) smokeimage.Image {
	t.Helper()
	made, err := smokeimage.Make(runtime.GOARCH)
	if err != nil {
		t.Skip(err)
	}
	return made
}

func dockerHost(t *testing.T, socket string) host {
	t.Helper()
	m, err := newMoby(socket, image(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	return mobyHost{m}
}

func guestHost(t *testing.T, instance string, shell Shell) host {
	t.Helper()
	c, err := newContainerd(shell, instance, image(t))
	if err != nil {
		t.Fatal(err)
	}
	return containerdHost{c}
}

func TestConformanceOfFakes(t *testing.T) {
	t.Run(Moby, func(t *testing.T) { conform(t, dockerHost(t, startDocker(t).socket)) })
	t.Run(Containerd, func(t *testing.T) { conform(t, guestHost(t, "rd", newGuest(t).shell)) })
}

func TestConformanceOfDocker(t *testing.T) {
	socket := os.Getenv(dockerVariable)
	if socket == "" {
		t.Skipf("%s names no socket", dockerVariable)
	}
	conform(t, dockerHost(t, socket))
}

func TestConformanceOfContainerd(t *testing.T) {
	dir := os.Getenv(containerdVariable)
	if dir == "" {
		t.Skipf("%s names no instance directory", containerdVariable)
	}
	conform(t, guestHost(t, "rd", func(ctx context.Context, _ string, c vm.Command) (int, error) {
		return shell.Run(ctx, vmdir.Dir(dir), c)
	}))
}

// conform is the conformance test that every engine passes. Its parts build on each other.
func conform(t *testing.T, h host) {
	timed := func(what string, do func()) {
		started := time.Now()
		do()
		t.Logf("%s: %s", what, time.Since(started).Round(time.Millisecond))
	}
	verify := func(what string) {
		timed(what, func() {
			if err := smokeTest(t.Context(), h, DefaultTiming()); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		})
	}
	if there, err := h.hasImage(t.Context()); err != nil {
		t.Fatal(err)
	} else if there {
		h.forget(t)
	}
	timed("version", func() {
		version, err := h.version(t.Context())
		if err != nil || version == "" || strings.ContainsAny(version, " \n") {
			t.Fatalf("got the version %q, %v", version, err)
		}
		t.Logf("it is %s", version)
	})
	timed("ping", func() {
		if err := h.ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	verify("first proof")
	verify("later proof")
	h.plant(t, "rdd-proof-killed", true)
	h.plant(t, "somebodys", false)
	t.Cleanup(func() {
		if err := h.remove(context.Background(), "somebodys"); err != nil {
			t.Error(err)
		}
	})
	verify("proof after a killed one")
	if names := h.names(t); !slices.Equal(names, []string{"somebodys"}) {
		t.Errorf("the containers are %q; only somebodys own was to stay", names)
	}
	if err := h.remove(t.Context(), "rdd-proof-none"); err != nil {
		t.Errorf("removing a container that is not there: %v", err)
	}
	conformListening(t, h)
}

// conformListening checks that the event stream outlasts containers, and ends with the context.
func conformListening(t *testing.T, h host) {
	ctx, cancel := context.WithCancel(t.Context())
	subscribed, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- h.listen(ctx, func() { close(subscribed) }) }()
	<-subscribed
	if err := smokeTest(ctx, h, DefaultTiming()); err != nil {
		t.Error(err)
	}
	select {
	case err := <-ended:
		t.Errorf("the events ended by themselves: %v", err)
	default:
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("listening ended without an error")
	}
}
