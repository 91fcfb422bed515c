// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rancherdesktop.io/rdd/internal/rules"
)

// Parts are what a daemon runs besides the store and the API server. Package wiring builds them.
type Parts struct {
	// Port of the API on 127.0.0.1; 0 is the instance's default.
	Port int
	// Controllers builds the controllers, which reach the API server as config says for a user. The
	// server does not run yet.
	Controllers func(ctx context.Context, config func(user string) *rest.Config) Controllers
}

// Controllers are what runs under one manager.
type Controllers interface {
	// Rules are their admission rules.
	Rules() []rules.Rule
	// Setup hangs them into a manager made with scheme.New, which has not started. Before the
	// manager starts, initial reconciles once all that there is.
	Setup(mgr manager.Manager) (initial func(ctx context.Context) error, err error)
	// Close ends what they have begun in the background. The daemon calls it before it ends the
	// manager.
	Close()
}
