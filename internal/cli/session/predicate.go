// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// Result is what an observation of an object means for a wait.
type Result struct {
	Done bool
	// Why it is not done yet.
	Why string
	// Unseen: its controller has not reconciled it yet, which is usual for a moment and not shown.
	Unseen bool
	// Failed is why it will not be done unless something changes; empty when that may still be.
	Failed string
}

// Predicate says whether an object is as wanted; nil is one that does not exist. An error ends the
// wait at once.
type Predicate func(client.Object) (Result, error)

// FailureReason reports whether a condition's reason says that something will not come true by
// itself.
func FailureReason(reason string) bool {
	return limav1.Failed(reason) || appv1.Failed(reason)
}

// Blocked is the result for a condition that is not as wanted. otherwise is why when there is none
// of that generation of the object yet.
func Blocked(c *metav1.Condition, generation int64, otherwise string) Result {
	if c == nil || c.ObservedGeneration < generation {
		return Result{Why: otherwise, Unseen: true}
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

// Gone holds once the object of that UID does not exist any more; why says what its deletion waits
// for.
func Gone(uid string, why func(client.Object) string) Predicate {
	return func(object client.Object) (Result, error) {
		if object == nil || string(object.GetUID()) != uid {
			return Result{Done: true}, nil
		}
		return Result{Why: why(object)}, nil
	}
}
