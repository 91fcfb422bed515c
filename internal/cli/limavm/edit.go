// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/vm/template"
)

func editCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "edit NAME",
		Short: "Edit a virtual machine's template, in your editor or by flags",
		Long: `Edit opens the template of a virtual machine in $VISUAL or $EDITOR (else vi). What you save is validated; when it
cannot be honoured, the editor is opened again with the fault and its place on top. Saving without a change, or an empty
file, changes nothing.

With --cpus, --memory, --disk, --mount or --set the template is changed without an editor; its comments stay.

A running machine is restarted into the changed template, and the command waits for that; a stopped one takes it up at
its next start.`,
		Example: `  rdd limavm edit dev
  EDITOR='code --wait' rdd limavm edit dev
  rdd limavm edit dev --cpus 4 --memory 8GiB
  rdd limavm edit dev --mount ~/src:w --set '.env.MODE = "test"'`,
	}
	flags := addEditFlags(cmd)
	return changeCommand(s, cmd, session.StartTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		if flags.given() {
			return editByFlags(ctx, s, c, machine, flags, wait)
		}
		return editVM(ctx, s, c, machine, wait)
	})
}

func editVM(ctx context.Context, s *session.Session, c *client.Client, machine *limav1.LimaVM, wait bool) error {
	cm, err := templateOf(ctx, c, machine)
	if err != nil {
		return err
	}
	if err := mayEdit(ctx, c, cm); err != nil {
		return err
	}
	edited, err := newEditing(s, machine, cm.Data[limav1.TemplateKey])
	if err != nil {
		return err
	}
	text, err := edited.run(ctx, func(text string) error { return sendTemplate(ctx, c, cm, text) })
	if err != nil || text == "" {
		return err
	}
	return finishEdit(ctx, s, c, machine, cm.ResourceVersion, wait)
}

// mayEdit refuses what the API server would refuse whatever the text is. It asks by a dry run that
// adds a comment, so that nobody edits in vain.
func mayEdit(ctx context.Context, c ctrlclient.Client, cm *corev1.ConfigMap) error {
	trial := cm.DeepCopy()
	trial.Data[limav1.TemplateKey] += "\n# rdd limavm edit\n"
	err := c.Update(ctx, trial, session.FieldOwner, ctrlclient.DryRunAll)
	if apierrors.IsForbidden(err) && !isTemplateFault(err) {
		return fmt.Errorf("editing the template: %w", err)
	}
	return nil // any other error is reported when there is a change to send
}

// isTemplateFault reports whether the server refused the text, not the change as such.
func isTemplateFault(err error) bool {
	return apierrors.HasStatusCause(err, limav1.CauseInvalidTemplate)
}

// sendTemplate stores the text unless the template was changed since it was read.
func sendTemplate(ctx context.Context, c ctrlclient.Writer, cm *corev1.ConfigMap, text string) error {
	changed := cm.DeepCopy()
	changed.Data[limav1.TemplateKey] = text
	if err := c.Update(ctx, changed, session.FieldOwner); err != nil {
		return fmt.Errorf("changing the template: %w", err)
	}
	*cm = *changed
	return nil
}

// finishEdit waits until a LimaVM has taken up the template of that version, if that is asked for.
func finishEdit(
	ctx context.Context, s *session.Session, c ctrlclient.WithWatch, machine *limav1.LimaVM, version string, wait bool,
) error {
	if !wait {
		return resource.NotWaiting(s, machine.Name, "LimaVM %q is taking up its template")
	}
	inForce := func(machine *limav1.LimaVM) bool { return machine.Status.ObservedTemplateResourceVersion == version }
	if err := resource.WaitVM(ctx, s, c, machine, resource.VMUpToDate(inForce), "take up its template"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q has taken up its template and is %s.\n", machine.Name, resource.WantedText(machine.Spec.Running))
	return nil
}

// newEditing prepares the editing of a LimaVM's template.
func newEditing(s *session.Session, machine *limav1.LimaVM, text string) (*editing, error) {
	host, err := template.LocalHost()
	if err != nil {
		return nil, err
	}
	program, err := editor()
	if err != nil {
		return nil, err
	}
	return &editing{
		Streams: s.Streams, editor: program, name: "rdd-" + machine.Name, original: text,
		about: fmt.Sprintf(
			"The template of LimaVM %q. Lines that begin with %q are taken out. An empty file changes nothing.", machine.Name, note,
		),
		validate: func(text string) error {
			_, err := template.Load([]byte(text), machine.Spec.Params, host)
			return err
		},
		refused: func(err error) bool {
			var invalid *apierrors.StatusError
			return errors.As(err, &invalid) && (apierrors.IsForbidden(err) || apierrors.IsInvalid(err))
		},
	}, nil
}
