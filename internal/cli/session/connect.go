// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"

	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/client"
)

// FieldOwner is the field owner of what the commands write.
const FieldOwner = ctrlclient.FieldOwner("rdd")

// Connect returns a client of the instance's API. It creates the instance and starts the daemon
// where there is none, and replaces a daemon of an older build. The error is a *client.NewerError
// when the daemon is newer.
func (s *Session) Connect(ctx context.Context) (*client.Client, error) {
	inst, err := s.Instance()
	if err != nil {
		return nil, err
	}
	return client.Connect(ctx, inst, s.ClientOptions())
}

// ClientOptions returns the options with which this program finds or starts the daemon.
func (s *Session) ClientOptions() client.Options {
	return client.Options{Build: s.Build, Arguments: s.logArguments(), Warnings: s.Err}
}

// Reconnect returns a client of a daemon that is running already; it does not start one.
func (s *Session) Reconnect(ctx context.Context) (ctrlclient.WithWatch, error) {
	return s.find(ctx, client.Options{Build: s.Build, NoStart: true, Warnings: s.Err})
}

// Peek returns a client of a daemon that is running already, whatever its build. It neither starts
// nor replaces one.
func (s *Session) Peek(ctx context.Context) (ctrlclient.WithWatch, error) {
	return s.find(ctx, client.Options{NoStart: true})
}

func (s *Session) find(ctx context.Context, options client.Options) (ctrlclient.WithWatch, error) {
	inst, err := s.Instance()
	if err != nil {
		return nil, err
	}
	c, err := client.Connect(ctx, inst, options)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Follower returns a Follower of the object that key names. list is an empty list of its kind.
func (s *Session) Follower(c ctrlclient.WithWatch, list ctrlclient.ObjectList, key ctrlclient.ObjectKey) *Follower {
	return &Follower{Client: c, Reconnect: s.Reconnect, List: list, Key: key}
}
