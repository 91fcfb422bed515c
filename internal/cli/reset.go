// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

const resetHint = "The reset goes on. To follow it: rdd status, or rdd why."

func (r *root) resetCommand() *cobra.Command {
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
	yes = addYes(cmd)
	return withWait(cmd, startTimeout, func(ctx context.Context, _ []string, wait bool) error { return r.makeAnew(ctx, *yes, wait) })
}

func (r *root) makeAnew(ctx context.Context, yes, wait bool) error {
	exists, err := r.instanceExists()
	if err != nil {
		return err
	}
	if !exists {
		fmt.Fprintf(r.out, noApp, "reset")
		return nil
	}
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	app, err := getApp(ctx, c)
	switch {
	case err != nil:
		return err
	case app == nil:
		fmt.Fprintf(r.out, noApp, "reset")
		return nil
	case app.DeletionTimestamp != nil:
		fmt.Fprintln(r.out, "The App is being deleted, and its VM with it. To wait for that: rdd delete")
		return nil
	}
	machine, err := appVM(ctx, c, app)
	if err != nil {
		return err
	}
	if err := r.confirm("Reset deletes the disk of the App's VM with everything in it, containers, images and volumes too", yes); err != nil {
		return err
	}
	return r.resetApp(ctx, c, app, machine, wait)
}

// appVM is the App's own LimaVM.
func appVM(ctx context.Context, c ctrl.Reader, app *appv1.App) (*limav1.LimaVM, error) {
	machine, err := lookupVM(ctx, c, appv1.LimaVMName)
	switch {
	case err != nil:
		return nil, err
	case machine == nil:
		return nil, fmt.Errorf("the App has no VM yet, so there is nothing to reset; to see what it waits for: rdd why")
	case !metav1.IsControlledBy(machine, app):
		return nil, fmt.Errorf("LimaVM %q in namespace %q is not the App's, so it is left alone; to see what the App waits for: rdd why; to reset that LimaVM: rdd limavm reset %s",
			machine.Name, machine.Namespace, machine.Name)
	}
	return machine, nil
}

// resetApp makes the VM anew and waits until the App has settled with it.
func (r *root) resetApp(ctx context.Context, c ctrl.WithWatch, app *appv1.App, machine *limav1.LimaVM, wait bool) error {
	anew, err := requestReset(ctx, c, machine)
	if err != nil {
		return err
	}
	if !wait {
		fmt.Fprintln(r.out, "The VM is to be made anew. To follow it: rdd status")
		return nil
	}
	const what = "the VM to be made anew"
	running := &metav1.Condition{}
	noting := func(object ctrl.Object) (verdict, error) {
		v, err := anew(object)
		if v.done {
			*running = *meta.FindStatusCondition(object.(*limav1.LimaVM).Status.Conditions, limav1.ConditionRunning)
		}
		return v, err
	}
	if err := r.followVM(ctx, c, machine, noting, what, resetHint); err != nil {
		return err
	}
	if err := r.followApp(ctx, c, app, mirrored(running, settledJudge(app, "running")), what, resetHint); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "The VM is made anew and %s.\n", wantedText(app.Spec.Running))
	if !app.Spec.Running {
		return nil
	}
	return r.tellMessage(ctx, ctrl.ObjectKeyFromObject(machine))
}

// mirrored holds a judge of the App back until its controller has seen the LimaVM's condition: what it said before is about the VM
// that was.
func mirrored(running *metav1.Condition, judge judge) judge {
	return func(object ctrl.Object) (verdict, error) {
		v, err := judge(object)
		if err != nil || !v.done {
			return v, err
		}
		seen := meta.FindStatusCondition(object.(*appv1.App).Status.Conditions, appv1.ConditionRunning)
		if seen == nil || seen.LastTransitionTime.Before(&running.LastTransitionTime) {
			return verdict{why: "waiting for the App controller", unseen: true}, nil
		}
		return v, nil
	}
}
