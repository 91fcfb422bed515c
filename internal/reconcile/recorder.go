// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// maxNote is the API's limit of an Event's message, in bytes.
	maxNote = 1024
	// maxEventName limits the object's name in an Event's name, which has at most 253 characters and
	// ends with a hash.
	maxEventName = 200
)

// recorder writes a controller's Events synchronously: one object for each combination of object,
// reason and message. An Event that happens again is counted in that object, also after a restart
// of the daemon.
//
// client-go's recorders aggregate in memory and in the background, and write only the first and the
// last of many. `rdd why` needs the last time of each.
type recorder struct {
	client     client.Client
	clock      clock.PassiveClock
	controller string
}

// NewRecorder returns the EventRecorder of the named controller. It writes through c, which has no
// cache.
func NewRecorder(c client.Client, clock clock.PassiveClock, controller string) EventRecorder {
	return recorder{client: c, clock: clock, controller: controller}
}

// Record implements EventRecorder.
func (r recorder) Record(ctx context.Context, obj client.Object, events ...Event) {
	for _, e := range events {
		err := r.record(ctx, obj, e)
		if err != nil && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			log.FromContext(ctx).Error(err, "An Event could not be written", "reason", e.Reason, "message", e.Message)
		}
	}
}

func (r recorder) record(ctx context.Context, obj client.Object, e Event) error {
	event, err := r.event(obj, e)
	if err != nil {
		return err
	}
	first := event.DeepCopy()
	err = r.client.Create(ctx, first)
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	known := &corev1.Event{}
	if err := r.client.Get(ctx, client.ObjectKeyFromObject(event), known); err != nil {
		return client.IgnoreNotFound(err) // it has just expired
	}
	known.Count++
	known.LastTimestamp = event.LastTimestamp
	known.Series = &corev1.EventSeries{Count: known.Count, LastObservedTime: event.EventTime}
	return client.IgnoreNotFound(r.client.Update(ctx, known))
}

// event returns the Event object for the first time that e happens. Its name is derived from
// object, reason and message.
func (r recorder) event(obj client.Object, e Event) (*corev1.Event, error) {
	kind, err := apiutil.GVKForObject(obj, r.client.Scheme())
	if err != nil {
		return nil, err
	}
	severity := corev1.EventTypeNormal
	if e.Warning {
		severity = corev1.EventTypeWarning
	}
	now, message := r.clock.Now(), shorten(e.Message, maxNote)
	identity := sha256.Sum256(fmt.Appendf(nil, "%s %s %s", obj.GetUID(), e.Reason, message))
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   cmp.Or(obj.GetNamespace(), metav1.NamespaceDefault),
			Name:        fmt.Sprintf("%.*s.%s", maxEventName, obj.GetName(), hex.EncodeToString(identity[:8])),
			Annotations: shortened(e.Annotations),
		},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: kind.GroupVersion().String(), Kind: kind.Kind,
			Namespace: obj.GetNamespace(), Name: obj.GetName(), UID: obj.GetUID(), ResourceVersion: obj.GetResourceVersion(),
		},
		Type: severity, Reason: e.Reason, Message: message, Action: "Reconciling", Count: 1,
		EventTime: metav1.NewMicroTime(now), FirstTimestamp: metav1.NewTime(now), LastTimestamp: metav1.NewTime(now),
		ReportingController: "rancherdesktop.io/" + r.controller, ReportingInstance: "rdd",
		Source: corev1.EventSource{Component: r.controller},
	}, nil
}

// shortened returns a copy with all values shortened.
func shortened(annotations map[string]string) map[string]string {
	cut := maps.Clone(annotations)
	for key, value := range cut {
		cut[key] = shorten(value, maxNote)
	}
	return cut
}

// shorten cuts text to at most limit bytes, between runes, and ends it with an ellipsis.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := 0
	for i := range text {
		if i > limit-len("…") {
			break
		}
		end = i
	}
	return text[:end] + "…"
}
