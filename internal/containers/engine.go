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

// engine is what the Monitor and its smoke test need of a container engine. A call returns when its
// context ends.
type engine interface {
	// describe returns the engine's display name, and a command that shows the engine's log.
	describe() (title, hint string)
	// pingIntervalFactor multiplies the interval between pings. It is above 1 where a ping is costly.
	pingIntervalFactor() time.Duration
	// version returns the engine's version. It blocks while the engine is starting.
	version(ctx context.Context) (string, error)
	// ping returns nil when the engine answers.
	ping(ctx context.Context) error
	// listen subscribes to the engine's events. It calls subscribed once, and returns why the event
	// stream ended. The error is never nil.
	listen(ctx context.Context, subscribed func()) error

	// leftovers returns the IDs of all containers that have the label.
	leftovers(ctx context.Context) ([]string, error)
	// remove stops and removes a container. It succeeds when there is no such container.
	remove(ctx context.Context, id string) error
	// hasImage reports whether the engine has the smoke test's image.
	hasImage(ctx context.Context) (bool, error)
	// load loads the smoke test's image into the engine.
	load(ctx context.Context) error
	// run runs a container of the smoke test's image to its end, and returns its exit code and output.
	// The container has the given name and the label, no network, and a read-only root. It is removed
	// unless run returns an error.
	run(ctx context.Context, name string) (code int, output string, err error)

	// close closes connections.
	close()
}

func (m *Monitor) openEngine(t Target) (engine, error) {
	// A guest has the host's architecture.
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
