// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
)

const resetHint = "The reset goes on. To follow it: rdd status, or rdd why."

func resetCommand(s *session.Session) *cobra.Command {
	var yes *bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Make the VM anew; its disk is lost, the App's settings stay",
		Long: `Reset deletes the VM's disk with everything in it, containers, images and volumes too, and makes the VM anew. The App
and its settings stay, and the VM runs afterwards if it is to run. It asks before it does so; without a terminal it needs
--yes.

Ctrl-C ends the waiting only.`,
		Example: `  rdd reset
  rdd reset --yes --timeout 30m`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	yes = session.AddYes(cmd)
	return session.WithWait(
		cmd, session.StartTimeout, func(ctx context.Context, _ []string, wait bool) error { return resetApp(ctx, s, *yes, wait) },
	)
}

func resetApp(ctx context.Context, s *session.Session, yes, wait bool) error {
	exists, err := s.InstanceExists()
	if err != nil {
		return err
	}
	if !exists {
		resource.NoApp(s, "reset")
		return nil
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	app, err := resource.App(ctx, c)
	switch {
	case err != nil:
		return err
	case app == nil:
		resource.NoApp(s, "reset")
		return nil
	case app.DeletionTimestamp != nil:
		fmt.Fprintln(s.Out, "The App is being deleted, and its VM with it. To wait for that: rdd delete")
		return nil
	}
	machine, err := appVM(ctx, c, app)
	if err != nil {
		return err
	}
	lost := "Reset deletes the disk of the App's VM with everything in it, containers, images and volumes too"
	if err := s.Confirm(ctx, lost, yes); err != nil {
		return err
	}
	return recreateVM(ctx, s, c, app, machine, wait)
}

// appVM returns the App's own LimaVM. It is an error that there is none, or that the LimaVM of that
// name belongs to somebody else.
func appVM(ctx context.Context, c ctrlclient.Reader, app *appv1.App) (*limav1.LimaVM, error) {
	machine, err := resource.LookupVM(ctx, c, appv1.LimaVMName)
	switch {
	case err != nil:
		return nil, err
	case machine == nil:
		return nil, fmt.Errorf("the App has no VM yet, so there is nothing to reset; to see what it waits for: rdd why")
	case !metav1.IsControlledBy(machine, app):
		return nil, fmt.Errorf("LimaVM %q in namespace %q is not the App's, so it is left alone; to see what the App waits for: rdd why; to "+
			"reset that LimaVM: rdd limavm reset %s",
			machine.Name, machine.Namespace, machine.Name)
	}
	return machine, nil
}

// recreateVM resets the VM and waits until the App has settled with the new one.
func recreateVM(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, app *appv1.App, machine *limav1.LimaVM, wait bool) error {
	reset, err := resource.RequestReset(ctx, c, machine)
	if err != nil {
		return err
	}
	if !wait {
		fmt.Fprintln(s.Out, "Making the VM anew. To follow it: rdd status")
		return nil
	}
	const what = "the VM to be made anew"
	running := &metav1.Condition{}
	recorded := func(object ctrlclient.Object) (session.Result, error) {
		v, err := reset(object)
		if v.Done {
			*running = *meta.FindStatusCondition(object.(*limav1.LimaVM).Status.Conditions, limav1.ConditionRunning)
		}
		return v, err
	}
	if err := resource.FollowVM(ctx, s, c, machine, recorded, what, resetHint); err != nil {
		return err
	}
	if err := resource.FollowApp(ctx, s, c, app, resource.AfterVM(running, resource.AppSettled(app, "running")), what, resetHint); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "The VM is made anew and %s.\n", resource.WantedText(app.Spec.Running))
	if !app.Spec.Running {
		return nil
	}
	return resource.PrintMessage(ctx, s, ctrlclient.ObjectKeyFromObject(machine))
}
