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
	// Port is the API's port on 127.0.0.1; 0 means the instance's default.
	Port int
	// Enabled are the names of the controllers that run.
	Enabled []string
	// Controllers builds the controllers. config returns the client configuration for a user name. The
	// API server does not run yet when Controllers is called.
	Controllers func(ctx context.Context, config func(user string) *rest.Config) Controllers
}

// Controllers are the controllers of a daemon, which run under one manager.
type Controllers interface {
	// Rules returns their admission rules.
	Rules() []rules.Rule
	// Setup registers them with a manager that has the scheme of scheme.New and has not started.
	// initial does the initial reconcile: every existing object once. The daemon calls it before it
	// starts the manager.
	Setup(mgr manager.Manager) (initial func(ctx context.Context) error, err error)
	// Close ends their work in the background. The daemon calls it before it stops the manager.
	Close()
}
