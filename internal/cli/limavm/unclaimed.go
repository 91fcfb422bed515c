// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
)

// findUnclaimed reads the instance directory of that name. It is an error that there is none, that
// it is damaged or not rdd's, and that a LimaVM claims it.
func findUnclaimed(ctx context.Context, s *session.Session, c ctrlclient.Reader, name string) (vm.Directory, error) {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return vm.Directory{}, fmt.Errorf("%q is no name of a LimaVM: %s", name, problems[0])
	}
	reader, err := session.Ability[vm.DirectoryReader](s, "read instance directories")
	if err != nil {
		return vm.Directory{}, err
	}
	d, err := reader.Directory(ctx, name)
	switch {
	case errors.Is(err, vm.ErrNotFound):
		return d, fmt.Errorf("there is no instance directory %s; to see what there is: rdd status", d.Path)
	case err != nil:
		return d, err
	case d.Foreign:
		return d, fmt.Errorf("%s was not made by rdd and is left alone", d.Path)
	case d.Damage != nil && d.Alive:
		return d, fmt.Errorf("%w; whose it is cannot be told any more, and its machine runs: leave %s as it is while that does", d.Damage, d.Path)
	case d.Damage != nil:
		return d, fmt.Errorf("%w; whose it is cannot be told any more; "+
			"to free its name and keep its disk: mv '%s' '%s'",
			d.Damage, d.Path, filepath.Join(filepath.Dir(d.Path), "_"+d.Name+"-damaged"))
	}
	return d, refuseClaimed(ctx, c, name, d.Owner.UID)
}

func refuseClaimed(ctx context.Context, c ctrlclient.Reader, name, uid string) error {
	list := &limav1.LimaVMList{}
	if err := c.List(ctx, list); err != nil {
		return fmt.Errorf("listing LimaVMs: %w", err)
	}
	for _, machine := range list.Items {
		switch {
		case string(machine.UID) == uid:
			return fmt.Errorf("LimaVM %q in namespace %q owns the instance directory: there is nothing to adopt", machine.Name, machine.Namespace)
		case machine.Name == name:
			return fmt.Errorf("a LimaVM %q, which does not own the instance directory, exists in namespace %q: delete it first: %s",
				name, machine.Namespace, deleteCommandOf(&machine))
		}
	}
	return nil
}

// deleteCommandOf is the command that deletes a LimaVM. That of the App goes with the App only.
func deleteCommandOf(machine *limav1.LimaVM) string {
	if owner := metav1.GetControllerOf(machine); owner != nil && owner.Kind == "App" {
		return "rdd delete, which deletes the App that it belongs to"
	}
	return "rdd limavm delete " + machine.Name
}

// formerNamespace returns the namespace of the former LimaVM if it exists, or else the default one.
func formerNamespace(ctx context.Context, c ctrlclient.Reader, name string) (string, error) {
	if name == "" {
		return metav1.NamespaceDefault, nil
	}
	err := c.Get(ctx, ctrlclient.ObjectKey{Name: name}, &corev1.Namespace{})
	if ctrlclient.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("looking for namespace %q: %w", name, err)
	}
	if err != nil {
		return metav1.NamespaceDefault, nil
	}
	return name, nil
}

// anyTemplate is the template of a LimaVM that is created only to be deleted. The directory's own
// might be refused.
const anyTemplate = "images: [{location: \"rdd:docker\"}]\n"

// claimToDelete creates a LimaVM for an instance directory that is to be deleted, and waits until
// it owns the directory. Only a LimaVM's deletion removes an instance directory.
func claimToDelete(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, name string) (*limav1.LimaVM, error) {
	d, err := findUnclaimed(ctx, s, c, name)
	if err != nil {
		return nil, err
	}
	namespace, err := formerNamespace(ctx, c, d.Owner.Namespace)
	if err != nil {
		return nil, err
	}
	o := createOptions{name: name, namespace: namespace, adoptFrom: d.Owner.UID}
	machine, err := createAdopted(ctx, c, o, []byte(anyTemplate))
	if err != nil {
		return nil, err
	}
	if err := resource.WaitVM(ctx, s, c, machine, resource.VMAdopted(), "claim the instance directory"); err != nil {
		return nil, fmt.Errorf("%w\nTo remove it afterwards: rdd limavm delete %s", err, name)
	}
	return machine, nil
}

// completeUnclaimed completes the names of instance directories that no LimaVM claims.
func completeUnclaimed(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return s.Completing(cmd, func(ctx context.Context, c ctrlclient.Reader) ([]string, error) {
			list := &limav1.LimaVMList{}
			if err := c.List(ctx, list); err != nil {
				return nil, err
			}
			found, err := resource.ListUnclaimed(ctx, s, list.Items)
			var names []string
			for _, u := range found {
				if u.Owner != "" {
					names = append(names, u.Name)
				}
			}
			return names, err
		})
	}
}
