// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Event is something that happened to an object, for people to read.
type Event struct {
	// Warning makes it an Event of type Warning; otherwise the type is Normal.
	Warning bool
	// Reason is one word in CamelCase. It is part of the API.
	Reason string
	// Message is for people. Events of the same object, reason and message are counted in one object.
	Message string
	// Annotations have parts of the message as values, for programs. They are truncated like the
	// message. May be nil.
	Annotations map[string]string
}

// EventRecorder writes Events to the API.
type EventRecorder interface {
	// Record writes Events about obj, in order. An Event that cannot be written is logged and lost: no
	// controller decides by Events.
	Record(ctx context.Context, obj client.Object, events ...Event)
}
