// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// wantedCondition is the condition that is waited for.
type wantedCondition struct {
	kind, reason string
	status       metav1.ConditionStatus
	since        time.Time
	// existed says that the object was there before. found is the condition once it is as wanted.
	existed bool
	found   *metav1.Condition
}

// parseCondition reads CONDITION[=STATUS].
func parseCondition(text string) (*wantedCondition, error) {
	kind, status, given := strings.Cut(text, "=")
	if kind == "" {
		return nil, fmt.Errorf("the condition must be given as CONDITION or CONDITION=STATUS, as in Settled=True; got %q", text)
	}
	if !given {
		return &wantedCondition{kind: kind, status: metav1.ConditionTrue}, nil
	}
	for _, valid := range []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown} {
		if strings.EqualFold(status, string(valid)) {
			return &wantedCondition{kind: kind, status: valid}, nil
		}
	}
	return nil, fmt.Errorf("the status of a condition must be one of the valid values: True, False, Unknown; got %q", status)
}

// parseSince reads the value of --since: a time, a duration before now, or sinceStartup, for which
// started stands. It returns zero for an empty value.
func parseSince(text string, started, now time.Time) (time.Time, error) {
	switch text {
	case "":
		return time.Time{}, nil
	case sinceStartup:
		return started, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf(
			"--since must be a time as in 2026-01-02T15:04:05Z, a duration as in 10m, or %s; got %q", sinceStartup, text,
		)
	}
	return at, nil
}

// text describes the wanted condition for people.
func (w *wantedCondition) text() string {
	text := fmt.Sprintf("%s=%s", w.kind, w.status)
	if w.reason != "" {
		text += " with reason " + w.reason
	}
	if !w.since.IsZero() {
		text += " since " + w.since.Local().Format(time.RFC3339)
	}
	return text
}

// predicate holds once the resource has the condition.
func (w *wantedCondition) predicate(object ctrlclient.Object) (session.Result, error) {
	resource, ok := object.(*unstructured.Unstructured)
	switch {
	case !ok && w.existed:
		return session.Result{}, errors.New("it was deleted meanwhile")
	case !ok:
		return session.Result{Why: "it does not exist yet"}, nil
	}
	w.existed = true
	conditions, err := conditionsOf(resource)
	if err != nil {
		return session.Result{}, err
	}
	for i := range conditions {
		if c := &conditions[i]; strings.EqualFold(c.Type, w.kind) {
			return w.compare(c, resource.GetGeneration()), nil
		}
	}
	return session.Result{Why: "it has no condition " + w.kind}, nil
}

// conditionsOf reads status.conditions of a resource of any kind; none when it has no such field.
func conditionsOf(resource *unstructured.Unstructured) ([]metav1.Condition, error) {
	field, _, err := unstructured.NestedFieldNoCopy(resource.Object, "status", "conditions")
	if err != nil {
		return nil, fmt.Errorf("reading the conditions: %w", err)
	}
	var status struct {
		Conditions []metav1.Condition `json:"conditions"`
	}
	object := map[string]any{"conditions": field}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &status); err != nil {
		return nil, fmt.Errorf("reading the conditions: %w", err)
	}
	return status.Conditions, nil
}

// compare says whether c is as wanted. Times of conditions are full seconds, so since is cut to
// them.
func (w *wantedCondition) compare(c *metav1.Condition, generation int64) session.Result {
	now := fmt.Sprintf("%s is %s", c.Type, c.Status)
	if c.Reason != "" {
		now += ", " + c.Reason
	}
	if c.Message != "" {
		now += ": " + c.Message
	}
	switch {
	case c.ObservedGeneration != 0 && c.ObservedGeneration < generation:
		return session.Result{Why: now + " (for an older version of the resource)"}
	case c.Status != w.status, w.reason != "" && c.Reason != w.reason:
		return session.Result{Why: now}
	case !w.since.IsZero() && c.LastTransitionTime.Time.Before(w.since.Truncate(time.Second)):
		return session.Result{Why: fmt.Sprintf("%s (since %s)", now, c.LastTransitionTime.Local().Format(time.RFC3339))}
	}
	w.found = c
	return session.Result{Done: true}
}

func (w *wantedCondition) table(out io.Writer) {
	c := w.found
	age := "-"
	if !c.LastTransitionTime.IsZero() {
		age = duration.HumanDuration(time.Since(c.LastTransitionTime.Time))
	}
	fmt.Fprintf(out, "TYPE\tSTATUS\tREASON\tAGE\tMESSAGE\n%s\t%s\t%s\t%s\t%s\n", c.Type, c.Status, c.Reason, age, c.Message)
}
