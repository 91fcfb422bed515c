// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

func limavmAdoptCommand(s *session.Session) *cobra.Command {
	var namespace, file string
	cmd := &cobra.Command{
		Use:   "adopt NAME",
		Short: "Make a LimaVM for an instance directory that has none",
		Long: `Adopt makes a LimaVM for an instance directory whose LimaVM is gone, for example because the store was lost: disk,
template and parameters are as they were, and a machine that runs goes on running. rdd status lists such directories.

A directory that rdd did not make is not adopted. When the template that the directory holds is refused, --template gives
another.`,
		Example:           "  rdd limavm adopt dev\n  rdd limavm adopt dev --template ./dev.yaml",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeUnclaimed(s),
	}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "namespace of the LimaVM (default: the former one's, if that exists)")
	cmd.Flags().StringVar(&file, "template", "", "file or URL of the template to use instead of the directory's")
	return session.WithWait(cmd, session.StartTimeout, func(ctx context.Context, args []string, wait bool) error {
		data, err := adoptTemplate(ctx, s, file)
		if err != nil {
			return err
		}
		c, err := s.Connect(ctx)
		if err != nil {
			return err
		}
		o, machine, err := adoptDirectory(ctx, s, c, args[0], namespace, data)
		if err != nil {
			return err
		}
		o.wait = wait
		return finishAdopt(ctx, s, c, o, machine)
	})
}

// adoptTemplate reads the template of --template; nil without one.
func adoptTemplate(ctx context.Context, s *session.Session, file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	data, err := readTemplate(ctx, s, file, nil)
	if err == nil && data == nil {
		return nil, fmt.Errorf("--template %s: a file is named with a slash: ./%s", file, file)
	}
	return data, err
}

// unclaimedDir is an instance directory of rdd's without a LimaVM.
type unclaimedDir struct {
	dir    vmdir.Dir
	record vmdir.Record
}

// findUnclaimed reads the instance directory of a name and makes sure that no LimaVM claims it.
func findUnclaimed(ctx context.Context, s *session.Session, c ctrl.Reader, name string) (unclaimedDir, error) {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return unclaimedDir{}, fmt.Errorf("%q is no name of a LimaVM: %s", name, problems[0])
	}
	inst, err := s.Instance()
	if err != nil {
		return unclaimedDir{}, err
	}
	u := unclaimedDir{dir: vmdir.In(inst.LimaHome(), name)}
	u.record, err = u.dir.ReadRecord()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return u, fmt.Errorf("there is no instance directory %s; to see what there is: rdd status", u.dir)
	case errors.Is(err, vmdir.ErrForeign):
		return u, fmt.Errorf("%s was not made by rdd and is left alone", u.dir)
	case err != nil:
		return u, fmt.Errorf("%w; whose it is cannot be told any more; to remove it with its disk: rm -r '%s'", err, u.dir)
	}
	return u, refuseClaimed(ctx, c, name, u.record.Owner.UID)
}

func refuseClaimed(ctx context.Context, c ctrl.Reader, name, uid string) error {
	list := &limav1.LimaVMList{}
	if err := c.List(ctx, list); err != nil {
		return fmt.Errorf("listing LimaVMs: %w", err)
	}
	for _, machine := range list.Items {
		switch {
		case string(machine.UID) == uid:
			return fmt.Errorf("LimaVM %q in namespace %q owns the instance directory: there is nothing to adopt", machine.Name, machine.Namespace)
		case machine.Name == name:
			return fmt.Errorf("a LimaVM %q, which does not own the instance directory, exists in namespace %q: delete it first: rdd limavm delete %s",
				name, machine.Namespace, name)
		}
	}
	return nil
}

// adoptDirectory makes the LimaVM; data replaces the directory's template unless it is nil.
func adoptDirectory(ctx context.Context, s *session.Session, c ctrl.Client, name, namespace string, data []byte) (createOptions, *limav1.LimaVM, error) {
	u, err := findUnclaimed(ctx, s, c, name)
	if err != nil {
		return createOptions{}, nil, err
	}
	if namespace == "" {
		if namespace, err = formerNamespace(ctx, c, u.record.Owner.Namespace); err != nil {
			return createOptions{}, nil, err
		}
	}
	if data == nil {
		if data, err = os.ReadFile(u.dir.Template()); err != nil {
			return createOptions{}, nil, fmt.Errorf("reading the directory's template: %w; to give another: --template FILE", err)
		}
	}
	o := createOptions{name: name, namespace: namespace, params: u.record.Spec.Params, adoptFrom: u.record.Owner.UID}
	if o.start, err = resource.MachineRuns(u.dir); err != nil {
		return o, nil, err
	}
	machine, err := createAdopted(ctx, c, o, data)
	return o, machine, err
}

// formerNamespace is the namespace of the LimaVM that was, if it exists, and the default one else.
func formerNamespace(ctx context.Context, c ctrl.Reader, name string) (string, error) {
	if name == "" {
		return metav1.NamespaceDefault, nil
	}
	err := c.Get(ctx, ctrl.ObjectKey{Name: name}, &corev1.Namespace{})
	if ctrl.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("looking for namespace %q: %w", name, err)
	}
	if err != nil {
		return metav1.NamespaceDefault, nil
	}
	return name, nil
}

// createAdopted makes a LimaVM for a directory. Its source has a name of its own: that of the
// former LimaVM may be there still.
func createAdopted(ctx context.Context, c ctrl.Client, o createOptions, data []byte) (*limav1.LimaVM, error) {
	source := o.source(data)
	source.Name, source.GenerateName = "", o.name+"-"
	if err := c.Create(ctx, source, session.FieldOwner); err != nil {
		return nil, fmt.Errorf("storing the template: %w", err)
	}
	machine := o.limaVM(source.Name)
	if err := c.Create(ctx, machine, session.FieldOwner); err != nil {
		err = fmt.Errorf("creating LimaVM %q: %w\nTo give another template: rdd limavm adopt %s --template FILE", o.name, err, o.name)
		return nil, errors.Join(err, removeSource(ctx, c, o, source))
	}
	return machine, nil
}

func finishAdopt(ctx context.Context, s *session.Session, c ctrl.WithWatch, o createOptions, machine *limav1.LimaVM) error {
	if !o.wait {
		return resource.NotWaiting(s, o.name, "be adopted")
	}
	judge := resource.VMCreated()
	if o.start {
		judge = resource.VMRunning(true, machine.Generation)
	}
	if err := resource.WaitVM(ctx, s, c, machine, judge, "be adopted"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q in namespace %q has adopted its instance directory and is %s.\n", o.name, o.namespace, resource.WantedText(o.start))
	return nil
}

// anyTemplate is what a LimaVM is made with that exists to be deleted: the directory's own may be refused.
const anyTemplate = "images: [{location: \"rdd:docker\"}]\n"

// claimToDelete makes a LimaVM for an instance directory that is to be deleted, and waits until it is its owner.
func claimToDelete(ctx context.Context, s *session.Session, c ctrl.WithWatch, name string) (*limav1.LimaVM, error) {
	u, err := findUnclaimed(ctx, s, c, name)
	if err != nil {
		return nil, err
	}
	namespace, err := formerNamespace(ctx, c, u.record.Owner.Namespace)
	if err != nil {
		return nil, err
	}
	machine, err := createAdopted(ctx, c, createOptions{name: name, namespace: namespace, adoptFrom: u.record.Owner.UID}, []byte(anyTemplate))
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
		return s.Completing(cmd, func(ctx context.Context, c ctrl.Reader) ([]string, error) {
			inst, err := s.Instance()
			if err != nil {
				return nil, err
			}
			list := &limav1.LimaVMList{}
			if err := c.List(ctx, list); err != nil {
				return nil, err
			}
			found, err := resource.ListUnclaimed(inst.LimaHome(), list.Items)
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
