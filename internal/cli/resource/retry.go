// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// askRetry asks the LimaVM's controller to try again at once what has failed. Without it the
// controller's back-off may last minutes. That there is no LimaVM is no error.
func askRetry(ctx context.Context, c ctrlclient.Writer, key ctrlclient.ObjectKey) error {
	machine := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	patch := fmt.Appendf(
		nil, `{"metadata":{"annotations":{%q:%q}}}`, limav1.AnnotationRetryRequested, time.Now().UTC().Format(time.RFC3339Nano),
	)
	err := c.Patch(ctx, machine, ctrlclient.RawPatch(types.MergePatchType, patch), session.FieldOwner)
	if err = ctrlclient.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("asking for another attempt: %w", err)
	}
	return nil
}

// RetryFailed asks for another attempt at once if one of the conditions has the reason of a
// failure. It is for commands that do not wait: session.Wait does so by itself.
func RetryFailed(ctx context.Context, c ctrlclient.Writer, conditions []metav1.Condition, key ctrlclient.ObjectKey) error {
	for _, condition := range conditions {
		if condition.Status == metav1.ConditionFalse && session.FailureReason(condition.Reason) {
			return askRetry(ctx, c, key)
		}
	}
	return nil
}
