// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"rancherdesktop.io/rdd/internal/containers/smokeimage"
	"rancherdesktop.io/rdd/internal/vm"
)

// fakeGuest understands the commands for ctr that a smoke test needs.
type fakeGuest struct {
	t *testing.T

	mu         sync.Mutex
	image      bool
	containers map[string]bool // whether they have the label
	// fail by the command's first words, as in ctr's help: its message on standard error.
	fail map[string]string
	// calls in their order, likewise.
	calls  []string
	exit   int
	output string
	// unreachable is why no command can be run.
	unreachable error
	// streams end when they are closed.
	streams []chan struct{}
	ended   int
}

func newGuest(t *testing.T) *fakeGuest {
	return &fakeGuest{t: t, containers: map[string]bool{}, fail: map[string]string{}, output: smokeimage.Message}
}

func (g *fakeGuest) set(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}

// cut ends the event streams.
func (g *fakeGuest) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, stream := range g.streams {
		close(stream)
	}
	g.streams = nil
}

// shell is a Shell.
func (g *fakeGuest) shell(ctx context.Context, instance string, c vm.Command) (int, error) {
	g.mu.Lock()
	unreachable := g.unreachable
	g.mu.Unlock()
	if unreachable != nil || ctx.Err() != nil {
		return 0, errors.Join(unreachable, ctx.Err())
	}
	if instance != "rd" || c.Args[0] != "sudo" || !c.CleanEnv {
		g.t.Errorf("got %q for %s", c.Args, instance)
	}
	if slices.Contains(c.Args, eventsScript) {
		return g.events(ctx, c)
	}
	if i := slices.Index(c.Args, removeScript); i >= 0 {
		return g.call(c, "remove", func() (int, string) { return g.remove(c.Args[i+2]) })
	}
	args := c.Args[slices.Index(c.Args, "ctr")+1:]
	if args[0] == "-n" {
		if args[1] != namespace {
			g.t.Errorf("got the namespace %s", args[1])
		}
		args = args[2:]
	}
	return g.ctr(c, args)
}

func (g *fakeGuest) ctr(c vm.Command, args []string) (int, error) {
	last := args[len(args)-1]
	switch {
	case args[0] == "version":
		return g.call(c, "version", func() (int, string) {
			return 0, "Client:\n  Version:  1.7\n\nServer:\n  Version:  1.7.24~ds1\n  UUID: 6\n"
		})
	case args[0] == "run":
		return g.call(c, "run", func() (int, string) { return g.run(args) })
	case args[0] == "containers" && args[1] == "ls":
		return g.call(c, "containers ls", func() (int, string) { return 0, g.list(last == "-q") })
	case args[0] == "containers" && args[1] == "create":
		return g.call(c, "containers create", func() (int, string) {
			g.containers[last] = slices.Contains(args, label+"=true")
			return 0, ""
		})
	case args[0] == "images" && args[1] == "import":
		layer, err := layerOf(c.Stdin)
		if err != nil || layer == "" {
			g.t.Errorf("importing: %q, %v", layer, err)
		}
		return g.call(c, "images import", func() (int, string) { g.image = true; return 0, "" })
	case args[0] == "images" && args[1] == "rm":
		return g.call(c, "images rm", func() (int, string) { g.image = false; return 0, "" })
	case args[0] == "images" && args[1] == "ls":
		return g.call(c, "images ls", func() (int, string) {
			if g.image {
				return 0, smokeimage.Name + "\n"
			}
			return 0, ""
		})
	}
	return 1, fmt.Errorf("unknown command %q", args)
}

func (g *fakeGuest) call(c vm.Command, name string, do func() (int, string)) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, name)
	if message := g.fail[name]; message != "" {
		io.WriteString(c.Stderr, message+"\n")
		return 1, nil
	}
	code, out := do()
	io.WriteString(c.Stdout, out)
	return code, nil
}

func (g *fakeGuest) run(args []string) (int, string) {
	if !slices.Contains(args, "--rm") || !slices.Contains(args, "--read-only") || slices.Contains(args, "--net-host") ||
		slices.Contains(args, "--cni") {
		g.t.Errorf("got %q", args)
	}
	if !g.image {
		return 1, ""
	}
	return g.exit, g.output
}

func (g *fakeGuest) list(all bool) string {
	var b strings.Builder
	for name, labelled := range g.containers {
		if labelled || all {
			fmt.Fprintln(&b, name)
		}
	}
	return b.String()
}

func (g *fakeGuest) remove(name string) (int, string) {
	delete(g.containers, name)
	return 0, ""
}

// events ends when its input does, as the script's cat does, or when the stream is cut.
func (g *fakeGuest) events(ctx context.Context, c vm.Command) (int, error) {
	stream := make(chan struct{})
	g.set(func() { g.streams = append(g.streams, stream) })
	defer g.set(func() { g.ended++ })
	select {
	case <-stream:
		return 1, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
