// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// CompleteVM returns a function that completes the name of one LimaVM. The reason of its condition
// is the description.
func CompleteVM(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return CompleteVMs(s)(cmd, args, prefix)
	}
}

// CompleteVMs returns a function that completes the names of several LimaVMs.
func CompleteVMs(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return s.Completing(cmd, func(ctx context.Context, c ctrlclient.Reader) ([]string, error) {
			list := &limav1.LimaVMList{}
			if err := c.List(ctx, list); err != nil {
				return nil, err
			}
			var names []string
			for _, machine := range list.Items {
				if strings.HasPrefix(machine.Name, prefix) && !slices.Contains(args, machine.Name) {
					names = append(names, cobra.CompletionWithDesc(machine.Name, vmReason(machine.Status.Conditions)))
				}
			}
			return names, nil
		})
	}
}

// vmReason is the reason to show: of Created until that is True, of Running afterwards.
func vmReason(conditions []metav1.Condition) string {
	created := meta.FindStatusCondition(conditions, limav1.ConditionCreated)
	if created != nil && created.Status != metav1.ConditionTrue {
		return created.Reason
	}
	if running := meta.FindStatusCondition(conditions, limav1.ConditionRunning); running != nil {
		return running.Reason
	}
	return limav1.ReasonPending
}
