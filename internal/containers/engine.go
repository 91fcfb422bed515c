// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"rancherdesktop.io/rdd/internal/containers/smokeimage"
)

// label marks the containers of smoke tests. No other container is ever touched.
const label = "rancherdesktop.io/proof"

// engine is what following and proving need of a container engine. Contexts bound the calls.
type engine interface {
	// describe returns the engine's name for people, and the command by which they see more of it.
	describe() (title, hint string)
	// pingFactor multiplies the interval between pings: they are costly for some engines.
	pingFactor() time.Duration
	// version asks for the engine's version. An engine that is starting answers late.
	version(ctx context.Context) (string, error)
	// ping asks for a sign of life.
	ping(ctx context.Context) error
	// listen follows the engine's events: it calls begun when it does, and returns why they ended.
	listen(ctx context.Context, begun func()) error

	// leftovers are the containers that have the label.
	leftovers(ctx context.Context) ([]string, error)
	// remove ends and removes a container; it is no error when there is none.
	remove(ctx context.Context, id string) error
	// hasImage reports whether the smoke test's image is there.
	hasImage(ctx context.Context) (bool, error)
	// load brings it.
	load(ctx context.Context) error
	// run runs a container of it called name, with the label, without network and with a root that
	// cannot be written, and returns its exit code and output. The container is left behind only
	// with an error.
	run(ctx context.Context, name string) (code int, output string, err error)

	// close lets go of connections.
	close()
}

func (m *Monitor) openEngine(t Target) (engine, error) {
	// The guest's architecture is the host's.
	image, err := smokeimage.Make(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	switch t.Engine {
	case Moby:
		return newMoby(m.config.DockerSocket, image)
	case Containerd:
		return newContainerd(m.config.Shell, t.Instance, image)
	default:
		return nil, fmt.Errorf("there is no container engine called %q, only %s and %s", t.Engine, Moby, Containerd)
	}
}
