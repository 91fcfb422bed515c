// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
)

// WantedBy returns what an App, nil if there is none, wants of the host. The controller and the
// commands share it, so that both change the host alike.
func WantedBy(app *appv1.App) Want {
	if app == nil || !app.DeletionTimestamp.IsZero() || app.Spec.ContainerEngine.Name != appv1.EngineMoby {
		return Want{}
	}
	return Want{Docker: true, Ready: ready(app)}
}

// ready is the Want.Ready of an App: its UID and when its container engine became ready; empty
// while that is not ready.
func ready(app *appv1.App) string {
	c := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionContainerEngineReady)
	if c == nil || c.Status != metav1.ConditionTrue || c.Reason != appv1.ReasonConnected {
		return ""
	}
	return string(app.UID) + " " + c.LastTransitionTime.UTC().Format(time.RFC3339)
}
