// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/client"
)

// limavmHint tells what a command that ends early leaves going on.
const limavmHint = "It goes on. To follow it: rdd limavm list, or rdd why %s"

func (r *root) limavmCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "limavm",
		Aliases: []string{"lima", "vm"},
		Short:   "Work with any virtual machine",
		Long: `Limavm works with LimaVMs, of which the App's is one. A NAME is looked up over all namespaces, as LimaVM
names are unique across them.

Commands that change something wait until it is so and show what they wait for. Ctrl-C ends the waiting only.`,
		Example: `  rdd limavm create dev ./dev.yaml --start
  rdd limavm list
  rdd limavm shell dev uname -a
  rdd limavm delete dev`,
	}
	cmd.AddCommand(r.limavmCreateCommand(), r.limavmStartCommand(), r.limavmStopCommand(), r.limavmRestartCommand(), r.limavmResetCommand(),
		r.limavmDeleteCommand(), r.limavmAdoptCommand(), r.limavmEditCommand(), r.limavmParamsCommand(),
		r.limavmListCommand(), r.limavmLogsCommand(), r.limavmShellCommand())
	return cmd
}

// findVM looks a LimaVM up over all namespaces.
func findVM(ctx context.Context, c ctrl.Reader, name string) (*limav1.LimaVM, error) {
	machine, err := lookupVM(ctx, c, name)
	if err == nil && machine == nil {
		return nil, fmt.Errorf("LimaVM %q not found in any namespace; to see what there is: rdd limavm list", name)
	}
	return machine, err
}

// lookupVM is findVM for those to whom no LimaVM, which is nil, is an answer.
func lookupVM(ctx context.Context, c ctrl.Reader, name string) (*limav1.LimaVM, error) {
	list := &limav1.LimaVMList{}
	if err := c.List(ctx, list, ctrl.MatchingFields{"metadata.name": name}); err != nil {
		return nil, fmt.Errorf("looking for LimaVM %q: %w", name, err)
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	return &list.Items[0], nil
}

// completionTimeout bounds what a press of the tab key asks.
const completionTimeout = 2 * time.Second

// completing gives a completion a client of a running daemon: completion starts nothing.
func (r *root) completing(cmd *cobra.Command, ask func(context.Context, ctrl.Reader) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	c, err := r.peek(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	words, err := ask(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeVM completes the name of one LimaVM, with what it is doing.
func (r *root) completeVM(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return r.completeVMs(cmd, args, prefix)
}

// completeVMs completes the names of several LimaVMs.
func (r *root) completeVMs(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return r.completing(cmd, func(ctx context.Context, c ctrl.Reader) ([]string, error) {
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

// vmReason is the reason that matters: why it is not created, else how it runs.
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

// notWaiting says what was asked for and how to see it come true.
func (r *root) notWaiting(name, want string) error {
	fmt.Fprintf(r.out, "LimaVM %q is to %s. To follow it: rdd limavm list, or rdd why %s\n", name, want, name)
	return nil
}

// waitVM waits until a LimaVM is as the judge says; want completes the sentence "LimaVM to …".
func (r *root) waitVM(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, judge judge, want string) error {
	return r.followVM(ctx, c, machine, judge, fmt.Sprintf("LimaVM %q to %s", machine.Name, want), fmt.Sprintf(limavmHint, machine.Name))
}

// followVM is waitVM with words of the caller's own.
func (r *root) followVM(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, judge judge, what, hint string) error {
	key := ctrl.ObjectKeyFromObject(machine)
	w := &wait{
		follow:   r.follower(c, &limav1.LimaVMList{}, key).follow,
		judge:    judge,
		what:     what,
		hint:     hint,
		progress: newProgress(r.err),
		retry:    func(ctx context.Context) error { return askRetry(ctx, c, key) },
	}
	return w.run(ctx)
}

// tellMessage prints what the machine's template has to tell people, now that it runs. It connects anew: the
// daemon, and its port, may be others since the wait began.
func (r *root) tellMessage(ctx context.Context, key ctrl.ObjectKey) error {
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	machine := &limav1.LimaVM{}
	if err := c.Get(ctx, key, machine); err != nil {
		return fmt.Errorf("reading the template's message: %w", err)
	}
	if text := strings.TrimSpace(machine.Status.Message); text != "" {
		fmt.Fprintln(r.out, text)
	}
	return nil
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
	return existing(func(machine *limav1.LimaVM) (verdict, error) {
		if machine.Generation > generation && machine.Spec.Running != running {
			return verdict{}, fmt.Errorf("the LimaVM was changed meanwhile: its spec.running is %t now", machine.Spec.Running)
		}
		return powerVerdict(machine, running, generation), nil
	})
}

// powerVerdict says whether a LimaVM of at least that generation is up or down as wanted.
func powerVerdict(machine *limav1.LimaVM, running bool, generation int64) verdict {
	const unseen = "waiting for the LimaVM controller"
	created := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionCreated)
	if running && (created == nil || created.Status != metav1.ConditionTrue) {
		return blocked(created, generation, unseen)
	}
	c := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionRunning)
	if c != nil && c.ObservedGeneration >= generation && powerIs(c, running) {
		return verdict{done: true}
	}
	return blocked(c, generation, unseen)
}

func powerIs(c *metav1.Condition, running bool) bool {
	if running {
		return c.Status == metav1.ConditionTrue
	}
	return c.Status == metav1.ConditionFalse && c.Reason == limav1.ReasonStopped
}

// createdVerdict says whether a LimaVM is complete on disk.
func createdVerdict(machine *limav1.LimaVM) verdict {
	c := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionCreated)
	if c != nil && c.Status == metav1.ConditionTrue {
		return verdict{done: true}
	}
	return blocked(c, machine.Generation, "waiting for the LimaVM controller")
}

// createdJudge waits until the LimaVM is complete on disk.
func createdJudge() judge {
	return existing(func(machine *limav1.LimaVM) (verdict, error) { return createdVerdict(machine), nil })
}

// settledVerdict says whether a LimaVM is complete, of its newest template, and up or down as its spec says.
func settledVerdict(machine *limav1.LimaVM) verdict {
	if v := createdVerdict(machine); !v.done {
		return v
	}
	v := powerVerdict(machine, machine.Spec.Running, machine.Generation)
	if v.done && machine.Status.RestartNeeded {
		return verdict{why: "waiting for the restart"}
	}
	return v
}

// awaiting makes v the verdict once noted is true: before, the controller has not heard of the request.
func awaiting(noted bool, v func() verdict) verdict {
	if !noted {
		return verdict{why: "waiting for the LimaVM controller", unseen: true}
	}
	return v()
}

// takenUp waits until a change of the template or the parameters is in force and the machine is as it should be.
func takenUp(inForce func(*limav1.LimaVM) bool) judge {
	return existing(func(machine *limav1.LimaVM) (verdict, error) {
		v := settledVerdict(machine)
		if v.done && !inForce(machine) {
			return verdict{why: "waiting for the LimaVM controller", unseen: true}, nil
		}
		return v, nil
	})
}
