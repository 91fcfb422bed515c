// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/regular"
)

func adoptCommand(s *session.Session) *cobra.Command {
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

// adoptDirectory creates a LimaVM that adopts the instance directory. data replaces the directory's
// template unless it is nil. The LimaVM is to run if the machine runs.
func adoptDirectory(
	ctx context.Context, s *session.Session, c ctrlclient.Client, name, namespace string, data []byte,
) (createOptions, *limav1.LimaVM, error) {
	d, err := findUnclaimed(ctx, s, c, name)
	if err != nil {
		return createOptions{}, nil, err
	}
	if namespace == "" {
		if namespace, err = formerNamespace(ctx, c, d.Owner.Namespace); err != nil {
			return createOptions{}, nil, err
		}
	}
	if data == nil {
		if data, err = regular.ReadFile(d.TemplateFile); err != nil {
			return createOptions{}, nil, fmt.Errorf("reading the directory's template: %w; to give another: --template FILE", err)
		}
	}
	o := createOptions{name: name, namespace: namespace, params: d.Params, adoptFrom: d.Owner.UID, start: d.Alive}
	machine, err := createAdopted(ctx, c, o, data)
	return o, machine, err
}

// createAdopted creates a LimaVM for a directory. The name of its source ConfigMap is generated:
// the former LimaVM's may still exist.
func createAdopted(ctx context.Context, c ctrlclient.Client, o createOptions, data []byte) (*limav1.LimaVM, error) {
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

func finishAdopt(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, o createOptions, machine *limav1.LimaVM) error {
	if !o.wait {
		return resource.NotWaiting(s, o.name, "LimaVM %q is adopting its instance directory")
	}
	until := resource.VMCreated()
	if o.start {
		until = resource.VMRunning(true, machine.Generation)
	}
	if err := resource.WaitVM(ctx, s, c, machine, until, "be adopted"); err != nil {
		return err
	}
	fmt.Fprintf(
		s.Out, "LimaVM %q in namespace %q has adopted its instance directory and is %s.\n", o.name, o.namespace, resource.WantedText(o.start),
	)
	return nil
}
