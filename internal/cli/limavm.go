// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/duration"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/client"
)

func (r *root) limavmCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "limavm",
		Aliases: []string{"lima", "vm"},
		Short:   "Work with any virtual machine",
		Long: `Limavm works with LimaVMs, of which the App's is one. A NAME is looked up over all namespaces, as LimaVM
names are unique across them.`,
		Example: `  rdd limavm create dev ./dev.yaml --start
  rdd limavm list
  rdd limavm shell dev uname -a`,
	}
	cmd.AddCommand(r.limavmCreateCommand(), r.limavmStartCommand(), r.limavmStopCommand(),
		r.limavmDeleteCommand(), r.limavmListCommand(), r.limavmShellCommand())
	return cmd
}

// findVM looks a LimaVM up over all namespaces.
func findVM(ctx context.Context, c ctrl.Reader, name string) (*limav1.LimaVM, error) {
	list := &limav1.LimaVMList{}
	if err := c.List(ctx, list, ctrl.MatchingFields{"metadata.name": name}); err != nil {
		return nil, fmt.Errorf("looking for LimaVM %q: %w", name, err)
	}
	if len(list.Items) == 0 {
		return nil, fmt.Errorf("LimaVM %q not found in any namespace; to see what there is: rdd limavm list", name)
	}
	return &list.Items[0], nil
}

// completeVM completes the name of a LimaVM. It asks a running daemon only: completion starts nothing.
func (r *root) completeVM(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Second)
	defer cancel()
	c, err := r.reconnect(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list := &limav1.LimaVMList{}
	if err := c.List(ctx, list); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, machine := range list.Items {
		if strings.HasPrefix(machine.Name, prefix) {
			names = append(names, machine.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// vmCommand completes a command that changes one LimaVM and waits.
func (r *root) vmCommand(cmd *cobra.Command, timeout time.Duration, do func(context.Context, *client.Client, *limav1.LimaVM, bool) error) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	cmd.ValidArgsFunction = r.completeVM
	return withWait(cmd, timeout, func(ctx context.Context, args []string, wait bool) error {
		c, err := r.connect(ctx)
		if err != nil {
			return err
		}
		machine, err := findVM(ctx, c, args[0])
		if err != nil {
			return err
		}
		return do(ctx, c, machine, wait)
	})
}

func (r *root) limavmStartCommand() *cobra.Command {
	return r.vmCommand(&cobra.Command{
		Use:     "start NAME",
		Short:   "Start a virtual machine",
		Example: "  rdd limavm start dev\n  rdd limavm start dev --timeout 20m",
	}, startTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		return r.setRunning(ctx, c, machine, true, wait)
	})
}

func (r *root) limavmStopCommand() *cobra.Command {
	return r.vmCommand(&cobra.Command{
		Use:     "stop NAME",
		Short:   "Shut a virtual machine down and keep it",
		Example: "  rdd limavm stop dev\n  rdd limavm stop dev --wait=false",
	}, changeTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		return r.setRunning(ctx, c, machine, false, wait)
	})
}

func (r *root) setRunning(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, running, wait bool) error {
	patch := ctrl.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"running":%t}}`, running))
	if err := c.Patch(ctx, machine, patch, fieldOwner); err != nil {
		return fmt.Errorf("changing LimaVM %q: %w", machine.Name, err)
	}
	want := map[bool]string{true: "run", false: "stop"}[running]
	if !wait {
		fmt.Fprintf(r.out, "LimaVM %q is to %s. To follow it: rdd limavm list\n", machine.Name, want)
		return nil
	}
	if err := r.waitVM(ctx, c, machine, runningJudge(running, machine.Generation), want); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "LimaVM %q is %s.\n", machine.Name, map[bool]string{true: "running", false: "stopped"}[running])
	return nil
}

// waitVM waits until a LimaVM is as the judge says; want completes the sentence "LimaVM to …".
func (r *root) waitVM(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, judge judge, want string) error {
	key := ctrl.ObjectKeyFromObject(machine)
	w := &wait{
		follow:   r.follower(c, &limav1.LimaVMList{}, key).follow,
		judge:    judge,
		what:     fmt.Sprintf("LimaVM %q to %s", machine.Name, want),
		hint:     "It goes on. To follow it: rdd limavm list",
		progress: newProgress(r.err),
		retry:    func(ctx context.Context) error { return askRetry(ctx, c, key) },
	}
	return w.run(ctx)
}

// existing gives a judge the LimaVM; one that is gone or going ends the wait.
func existing(judge func(*limav1.LimaVM) (verdict, error)) judge {
	return func(object ctrl.Object) (verdict, error) {
		machine, ok := object.(*limav1.LimaVM)
		if !ok || machine.DeletionTimestamp != nil {
			return verdict{}, errors.New("the LimaVM was deleted meanwhile")
		}
		return judge(machine)
	}
}

// runningJudge waits until the LimaVM runs, or is stopped.
func runningJudge(running bool, generation int64) judge {
	wanted := map[bool]metav1.ConditionStatus{true: metav1.ConditionTrue, false: metav1.ConditionFalse}[running]
	return existing(func(machine *limav1.LimaVM) (verdict, error) {
		if machine.Generation > generation && machine.Spec.Running != running {
			return verdict{}, fmt.Errorf("the LimaVM was changed meanwhile: its spec.running is %t now", machine.Spec.Running)
		}
		created := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionCreated)
		if running && (created == nil || created.Status != metav1.ConditionTrue) {
			return blocked(created, generation, "waiting for the LimaVM controller"), nil
		}
		c := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionRunning)
		current := c != nil && c.ObservedGeneration >= generation
		if current && c.Status == wanted && (running || c.Reason == limav1.ReasonStopped) {
			return verdict{done: true}, nil
		}
		return blocked(c, generation, "waiting for the LimaVM controller"), nil
	})
}

// createdJudge waits until the LimaVM is complete on disk.
func createdJudge() judge {
	return existing(func(machine *limav1.LimaVM) (verdict, error) {
		c := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionCreated)
		if c != nil && c.Status == metav1.ConditionTrue {
			return verdict{done: true}, nil
		}
		return blocked(c, machine.Generation, "waiting for the LimaVM controller"), nil
	})
}

func (r *root) limavmDeleteCommand() *cobra.Command {
	return r.vmCommand(&cobra.Command{
		Use:     "delete NAME",
		Short:   "Take a virtual machine down and remove it with its disk",
		Example: "  rdd limavm delete dev",
	}, changeTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		return r.deleteVM(ctx, c, machine, wait)
	})
}

func (r *root) deleteVM(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, wait bool) error {
	if err := ctrl.IgnoreNotFound(c.Delete(ctx, machine, ctrl.Preconditions{UID: &machine.UID})); err != nil {
		return fmt.Errorf("deleting LimaVM %q: %w", machine.Name, err)
	}
	if !wait {
		fmt.Fprintf(r.out, "LimaVM %q is to be deleted. To follow it: rdd limavm list\n", machine.Name)
		return nil
	}
	why := func(object ctrl.Object) string { return deletingWhy(object.(*limav1.LimaVM).Status.Conditions) }
	if err := r.waitVM(ctx, c, machine, gone(string(machine.UID), why), "be deleted"); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "LimaVM %q is deleted.\n", machine.Name)
	return nil
}

func (r *root) limavmListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "list",
		Aliases:           []string{"ls"},
		Short:             "List the virtual machines of all namespaces",
		Example:           "  rdd limavm list\n  rdd limavm list -o json",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := r.connect(cmd.Context())
		if err != nil {
			return err
		}
		list := &limav1.LimaVMList{}
		if err := c.List(cmd.Context(), list); err != nil {
			return fmt.Errorf("listing LimaVMs: %w", err)
		}
		list.SetGroupVersionKind(limav1.GroupVersion.WithKind("LimaVMList"))
		return output.print(r.out, list, func(w io.Writer) { listTable(w, list.Items, time.Now()) })
	}
	return cmd
}

func listTable(w io.Writer, machines []limav1.LimaVM, now time.Time) {
	fmt.Fprintln(w, "NAMESPACE\tNAME\tWANTED\tCREATED\tRUNNING\tREASON\tSSH\tAGE")
	for _, m := range machines {
		created, running := conditionText(m.Status.Conditions, limav1.ConditionCreated), conditionText(m.Status.Conditions, limav1.ConditionRunning)
		ssh := "-"
		if m.Status.SSHLocalPort != 0 {
			ssh = fmt.Sprint(m.Status.SSHLocalPort)
		}
		wanted := map[bool]string{true: "running", false: "stopped"}[m.Spec.Running]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Namespace, m.Name, wanted, created.Status, running.Status,
			vmReason(created, running), ssh, duration.HumanDuration(now.Sub(m.CreationTimestamp.Time)))
	}
}

// vmReason is the reason that matters: why it is not created, else how it runs.
func vmReason(created, running metav1.Condition) string {
	if created.Status != metav1.ConditionTrue {
		return created.Reason
	}
	return running.Reason
}

// conditionText is a condition to print: dashes where there is none.
func conditionText(conditions []metav1.Condition, name string) metav1.Condition {
	if c := meta.FindStatusCondition(conditions, name); c != nil {
		return *c
	}
	return metav1.Condition{Type: name, Status: "-", Reason: "-"}
}
