// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"

	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/levenshtein"
)

// FindVM returns the LimaVM of that name, in whichever namespace. That there is none is an error,
// which names those with similar names.
func FindVM(ctx context.Context, c ctrlclient.Reader, name string) (*limav1.LimaVM, error) {
	machine, err := LookupVM(ctx, c, name)
	if err != nil || machine != nil {
		return machine, err
	}
	list := &limav1.LimaVMList{}
	if err := c.List(ctx, list); err != nil {
		return nil, fmt.Errorf("looking for LimaVM %q: %w", name, err)
	}
	var names []string
	for _, each := range list.Items {
		names = append(names, each.Name)
	}
	return nil, fmt.Errorf(
		"LimaVM %q not found in any namespace%s; to see what there is: rdd limavm list", name, levenshtein.Hint(name, names),
	)
}

// LookupVM returns the LimaVM of that name, in whichever namespace; nil when there is none. Names
// of LimaVMs are unique across namespaces.
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
