// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// reconnectFor bounds how long a follower looks for a daemon that has gone, for
// example to be replaced by a newer one.
const reconnectFor = 15 * time.Second

// follower watches one object.
type follower struct {
	client client.WithWatch
	// reconnect finds the daemon again, which may have moved; it does not start one.
	reconnect func(context.Context) (client.WithWatch, error)
	// list is an empty list of the object's kind.
	list client.ObjectList
	key  client.ObjectKey
}

// look is what is seen of the object: nil when it does not exist. err ends the following.
type look struct {
	object client.Object
	err    error
}

// follow sends the object as it is and then each of its changes until ctx ends or an error was sent.
func (f *follower) follow(ctx context.Context) <-chan look {
	looks := make(chan look)
	go func() {
		for ctx.Err() == nil {
			err := f.once(ctx, looks)
			if err == nil || ctx.Err() != nil {
				continue
			}
			if err := f.recover(ctx, err); err != nil {
				send(ctx, looks, look{err: err})
				return
			}
		}
	}()
	return looks
}

func send(ctx context.Context, looks chan<- look, l look) {
	select {
	case looks <- l:
	case <-ctx.Done():
	}
}

// once lists and then watches until the watch ends, which is no error: watches do that.
func (f *follower) once(ctx context.Context, looks chan<- look) error {
	list := f.list.DeepCopyObject().(client.ObjectList)
	only := client.MatchingFields{"metadata.name": f.key.Name}
	if err := f.client.List(ctx, list, only, client.InNamespace(f.key.Namespace)); err != nil {
		return err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return fmt.Errorf("reading a list: %w", err)
	}
	if len(items) == 0 {
		send(ctx, looks, look{})
	} else {
		send(ctx, looks, look{object: items[0].(client.Object)})
	}
	from := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}}
	only.ApplyToList(from)
	client.InNamespace(f.key.Namespace).ApplyToList(from)
	events, err := f.client.Watch(ctx, f.list.DeepCopyObject().(client.ObjectList), from)
	if err != nil {
		return err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		if l, ok := seen(event); ok {
			send(ctx, looks, l)
		} else {
			return nil
		}
	}
	return nil
}

// seen turns a watch event into a look; not ok when the watch must begin again.
func seen(event watch.Event) (l look, ok bool) {
	object, isObject := event.Object.(client.Object)
	switch event.Type {
	case watch.Added, watch.Modified:
		return look{object: object}, isObject
	case watch.Deleted:
		return look{}, true
	default:
		return look{}, false
	}
}

// recover finds the daemon again after a connection broke; any other error is final.
func (f *follower) recover(ctx context.Context, cause error) error {
	var status apierrors.APIStatus
	if errors.As(cause, &status) && !apierrors.IsResourceExpired(cause) && !apierrors.IsGone(cause) &&
		!apierrors.IsServiceUnavailable(cause) && !apierrors.IsTooManyRequests(cause) && !apierrors.IsTimeout(cause) {
		return cause
	}
	ctx, cancel := context.WithTimeout(ctx, reconnectFor)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the connection to the daemon was lost; any rdd command that needs it starts it again and the work goes on: %w", cause)
		case <-time.After(pause):
		}
		if found, err := f.reconnect(ctx); err == nil {
			f.client = found
			return nil
		}
	}
}
