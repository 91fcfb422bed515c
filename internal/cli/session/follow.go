// SPDX-License-Identifier: Apache-2.0

package session

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

// reconnectFor bounds how long a follower observations for a daemon that has gone, for
// example to be replaced by a newer one.
const reconnectFor = 15 * time.Second

// Follower watches one object, also across a restart of the daemon.
type Follower struct {
	Client client.WithWatch
	// Reconnect finds the daemon again, which may have another port; it does not start one.
	Reconnect func(context.Context) (client.WithWatch, error)
	// List is an empty list of the object's kind.
	List client.ObjectList
	Key  client.ObjectKey
}

// Observation is the object as it was seen: nil when it does not exist. Err ends the following.
type Observation struct {
	Object client.Object
	Err    error
}

// Follow sends the object as it is and then each of its changes, until ctx ends or an error was
// sent. A connection that breaks is made again for 15 seconds.
func (f *Follower) Follow(ctx context.Context) <-chan Observation {
	observations := make(chan Observation)
	go func() {
		for ctx.Err() == nil {
			err := f.once(ctx, observations)
			if err == nil || ctx.Err() != nil {
				continue
			}
			if err := f.recover(ctx, err); err != nil {
				send(ctx, observations, Observation{Err: err})
				return
			}
		}
	}()
	return observations
}

func send(ctx context.Context, observations chan<- Observation, o Observation) {
	select {
	case observations <- o:
	case <-ctx.Done():
	}
}

// once lists and then watches until the watch ends, which is no error: watches do that.
func (f *Follower) once(ctx context.Context, observations chan<- Observation) error {
	list := f.List.DeepCopyObject().(client.ObjectList)
	only := client.MatchingFields{"metadata.name": f.Key.Name}
	if err := f.Client.List(ctx, list, only, client.InNamespace(f.Key.Namespace)); err != nil {
		return err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return fmt.Errorf("reading a list: %w", err)
	}
	if len(items) == 0 {
		send(ctx, observations, Observation{})
	} else {
		send(ctx, observations, Observation{Object: items[0].(client.Object)})
	}
	from := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}}
	only.ApplyToList(from)
	client.InNamespace(f.Key.Namespace).ApplyToList(from)
	events, err := f.Client.Watch(ctx, f.List.DeepCopyObject().(client.ObjectList), from)
	if err != nil {
		return err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		if o, ok := observe(event); ok {
			send(ctx, observations, o)
		} else {
			return nil
		}
	}
	return nil
}

// observe turns a watch event into an observation; not ok when the watch must begin again.
func observe(event watch.Event) (o Observation, ok bool) {
	object, isObject := event.Object.(client.Object)
	switch event.Type {
	case watch.Added, watch.Modified:
		return Observation{Object: object}, isObject
	case watch.Deleted:
		return Observation{}, true
	default:
		return Observation{}, false
	}
}

// recover finds the daemon again after a connection broke; any other error is final.
func (f *Follower) recover(ctx context.Context, cause error) error {
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
		if found, err := f.Reconnect(ctx); err == nil {
			f.Client = found
			return nil
		}
	}
}
