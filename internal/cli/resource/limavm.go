// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"

	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// FindVM looks a LimaVM up over all namespaces. It is an error that there is none.
func FindVM(ctx context.Context, c ctrlclient.Reader, name string) (*limav1.LimaVM, error) {
	machine, err := LookupVM(ctx, c, name)
	if err == nil && machine == nil {
		return nil, fmt.Errorf("LimaVM %q not found in any namespace; to see what there is: rdd limavm list", name)
	}
	return machine, err
}

// LookupVM looks a LimaVM up over all namespaces; nil when there is none.
func LookupVM(ctx context.Context, c ctrlclient.Reader, name string) (*limav1.LimaVM, error) {
	list := &limav1.LimaVMList{}
	if err := c.List(ctx, list, ctrlclient.MatchingFields{"metadata.name": name}); err != nil {
		return nil, fmt.Errorf("looking for LimaVM %q: %w", name, err)
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	return &list.Items[0], nil
}
