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

// reconnectFor bounds how long a follower waits for a daemon that has exited, for example to be
// replaced by a newer one.
const reconnectFor = 15 * time.Second

// Follower watches one object. It goes on across a restart of the daemon.
type Follower struct {
	Client client.WithWatch
	// Reconnect finds the daemon again, which may have another port; it does not start one.
	Reconnect func(context.Context) (client.WithWatch, error)
	// List is an empty list of the object's kind.
	List client.ObjectList
	Key  client.ObjectKey
}

// Observation is what a Follower read of the object at one time. Object is nil when the object does
// not exist. After an Err no observation follows.
type Observation struct {
	Object client.Object
	Err    error
}

// Follow sends the object as it is and then each of its changes. It ends with ctx or after an
// observation with an error, and never closes the channel. While the connection is broken it tries
// to reconnect for 15 seconds.
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

// once lists and then watches, until the watch ends. That is no error: the API server ends watches
// now and then.
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

// observe turns a watch event into an observation. It is not ok when the watch must begin again.
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

// recover connects to the daemon again after the connection broke. It returns cause when the API
// has answered with an error that connecting again would not change.
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
