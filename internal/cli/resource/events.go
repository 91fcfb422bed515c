// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/cli/why/explain"
)

// EventsByObject lists the Events of all objects, by the UID of the object, each in order of time.
func EventsByObject(ctx context.Context, c ctrlclient.Reader) (map[types.UID][]explain.Event, error) {
	list := &corev1.EventList{}
	if err := c.List(ctx, list); err != nil {
		return nil, fmt.Errorf("listing Events: %w", err)
	}
	raw := map[types.UID][]corev1.Event{}
	for _, e := range list.Items {
		raw[e.InvolvedObject.UID] = append(raw[e.InvolvedObject.UID], e)
	}
	events := map[types.UID][]explain.Event{}
	for uid, list := range raw {
		events[uid] = explain.Events(list)
	}
	return events, nil
}

// EventsOf lists the Events of the objects with these UIDs, in order of time.
func EventsOf(ctx context.Context, c ctrlclient.Reader, uids []types.UID) ([]explain.Event, error) {
	list := &corev1.EventList{}
	if err := c.List(ctx, list); err != nil {
		return nil, fmt.Errorf("listing Events: %w", err)
	}
	others := func(e corev1.Event) bool { return !slices.Contains(uids, e.InvolvedObject.UID) }
	return explain.Events(slices.DeleteFunc(list.Items, others)), nil
}
