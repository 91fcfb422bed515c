// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// deletionMessage returns what a deletion waits for, by the conditions of the object that is
// deleted.
func deletionMessage(conditions []metav1.Condition) string {
	for _, name := range []string{appv1.ConditionSettled, limav1.ConditionRunning, limav1.ConditionCreated} {
		if c := meta.FindStatusCondition(conditions, name); c != nil && c.Status != metav1.ConditionTrue && c.Message != "" {
			return c.Message
		}
	}
	return "deleting"
}
