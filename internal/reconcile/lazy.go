// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// lazyReader reads through a client that is created by the first read.
type lazyReader struct {
	make   func() (client.Client, error)
	mu     sync.Mutex
	client client.Client
}

// NewLazyReader returns a reader for admission rules, which exist before the server that they read
// from. The first read calls make; the next read calls it again if that has failed.
func NewLazyReader(make func() (client.Client, error)) client.Reader { return &lazyReader{make: make} }

func (l *lazyReader) get() (client.Client, error) {
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
func (l *lazyReader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	c, err := l.get()
	if err != nil {
		return err
	}
	return c.Get(ctx, key, obj, opts...)
}

// List implements client.Reader.
func (l *lazyReader) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	c, err := l.get()
	if err != nil {
		return err
	}
	return c.List(ctx, list, opts...)
}
