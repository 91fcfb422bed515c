// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// Result is what a Predicate returns for one observation of an object.
type Result struct {
	// Done ends the wait with success.
	Done bool
	// Why it is not done yet.
	Why string
	// Unobserved: no controller has reconciled this generation of the object yet. That is usual for a
	// moment, so Why is not shown.
	Unobserved bool
	// Failed is why it is not going to be done unless something changes; empty when there is no such
	// reason.
	Failed string
}

// Predicate says whether an object is as wanted. It gets nil when the object does not exist. An
// error ends the wait at once.
type Predicate func(client.Object) (Result, error)

// FailureReason reports whether a condition's reason is one of a failure, of an App's or of a
// LimaVM's condition.
func FailureReason(reason string) bool {
	return limav1.Failed(reason) || appv1.Failed(reason)
}

// Blocked returns the result for a condition that is not as wanted. otherwise is the reason to give
// when c is nil or of an older generation of the object.
func Blocked(c *metav1.Condition, generation int64, otherwise string) Result {
	if c == nil || c.ObservedGeneration < generation {
		return Result{Why: otherwise, Unobserved: true}
	}
	r := Result{Why: c.Message}
	if r.Why == "" {
		r.Why = c.Reason
	}
	if c.Status == metav1.ConditionFalse && FailureReason(c.Reason) {
		r.Failed = fmt.Sprintf("%s: %s", c.Reason, r.Why)
	}
	return r
}

// Deleted returns a predicate that holds once the object of that UID does not exist any more. why
// says what its deletion waits for.
func Deleted(uid string, why func(client.Object) string) Predicate {
	return func(object client.Object) (Result, error) {
		if object == nil || string(object.GetUID()) != uid {
			return Result{Done: true}, nil
		}
		return Result{Why: why(object)}, nil
	}
}
