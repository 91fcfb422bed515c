// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// liveReader reads through a client that is made when it is first needed: rules
// exist before the server that they read from.
type liveReader struct {
	make   func() (client.Client, error)
	mu     sync.Mutex
	client client.Client
}

func (l *liveReader) get() (client.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client == nil {
		c, err := l.make()
		if err != nil {
			return nil, err
		}
		l.client = c
	}
	return l.client, nil
}

// Get implements client.Reader.
func (l *liveReader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	c, err := l.get()
	if err != nil {
		return err
	}
	return c.Get(ctx, key, obj, opts...)
}

// List implements client.Reader.
func (l *liveReader) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	c, err := l.get()
	if err != nil {
		return err
	}
	return c.List(ctx, list, opts...)
}
