// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"

	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// RequestReset asks for a reset of a LimaVM: its machine is deleted with its disk and created
// again. The predicate holds once that is done.
func RequestReset(ctx context.Context, c ctrlclient.Writer, machine *limav1.LimaVM) (session.Predicate, error) {
	request := RequestValue()
	if err := PatchVM(ctx, c, machine, VMPatch{Annotation: limav1.AnnotationResetRequested, Value: request}); err != nil {
		return nil, err
	}
	return whileItExists(func(machine *limav1.LimaVM) (session.Result, error) {
		return awaiting(machine.Status.LastResetRequest == request, func() session.Result { return settledResult(machine) }), nil
	}), nil
}
