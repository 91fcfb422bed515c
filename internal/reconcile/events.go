// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Event is something that happened to an object, for people to read.
type Event struct {
	// Warning says that it is bad news.
	Warning bool
	// Reason is one word, part of the API.
	Reason string
	// Message is a sentence. Events of the same object, reason and message are counted as one.
	Message string
	// Annotations say parts of the message as values, for programs; each is cut as the message is.
	// May be nil.
	Annotations map[string]string
}

// EventRecorder writes Events down.
type EventRecorder interface {
	// Record writes Events about obj, in order. What cannot be written is logged and lost: Events
	// say what happened, they decide nothing.
	Record(ctx context.Context, obj client.Object, events ...Event)
}
