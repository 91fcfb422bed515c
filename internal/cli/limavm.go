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
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
)

// limavmHint tells what a command that ends early leaves going on.
const limavmHint = "It goes on. To follow it: rdd limavm list, or rdd why %s"

func limavmCommand(s *session.Session) *cobra.Command {
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
	cmd.AddCommand(limavmCreateCommand(s), limavmStartCommand(s), limavmStopCommand(s), limavmRestartCommand(s), limavmResetCommand(s),
		limavmDeleteCommand(s), limavmAdoptCommand(s), limavmEditCommand(s), limavmParamsCommand(s),
		limavmListCommand(s), limavmLogsCommand(s), limavmShellCommand(s))
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

// completeVM completes the name of one LimaVM, with what it is doing.
func completeVM(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeVMs(s)(cmd, args, prefix)
	}
}

// completeVMs completes the names of several LimaVMs.
func completeVMs(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return s.Completing(cmd, func(ctx context.Context, c ctrl.Reader) ([]string, error) {
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
func vmCommand(s *session.Session, cmd *cobra.Command, timeout time.Duration, do func(context.Context, *client.Client, *limav1.LimaVM, bool) error) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	cmd.ValidArgsFunction = completeVM(s)
	return session.WithWait(cmd, timeout, func(ctx context.Context, args []string, wait bool) error {
		c, err := s.Connect(ctx)
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
func notWaiting(s *session.Session, name, want string) error {
	fmt.Fprintf(s.Out, "LimaVM %q is to %s. To follow it: rdd limavm list, or rdd why %s\n", name, want, name)
	return nil
}

// waitVM waits until a LimaVM is as the judge says; want completes the sentence "LimaVM to …".
func waitVM(ctx context.Context, s *session.Session, c ctrl.WithWatch, machine *limav1.LimaVM, judge session.Predicate, want string) error {
	return followVM(ctx, s, c, machine, judge, fmt.Sprintf("LimaVM %q to %s", machine.Name, want), fmt.Sprintf(limavmHint, machine.Name))
}

// followVM is waitVM with words of the caller's own.
func followVM(ctx context.Context, s *session.Session, c ctrl.WithWatch, machine *limav1.LimaVM, judge session.Predicate, what, hint string) error {
	key := ctrl.ObjectKeyFromObject(machine)
	w := &session.Wait{
		Follow:   s.Follower(c, &limav1.LimaVMList{}, key).Follow,
		Until:    judge,
		What:     what,
		Hint:     hint,
		Progress: session.NewProgress(s.Err),
		Retry:    func(ctx context.Context) error { return askRetry(ctx, c, key) },
	}
	return w.Run(ctx)
}

// tellMessage prints what the machine's template has to tell people, now that it runs. It connects anew: the
// daemon, and its port, may be others since the wait began.
func tellMessage(ctx context.Context, s *session.Session, key ctrl.ObjectKey) error {
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	machine := &limav1.LimaVM{}
	if err := c.Get(ctx, key, machine); err != nil {
		return fmt.Errorf("reading the template's message: %w", err)
	}
	if text := strings.TrimSpace(machine.Status.Message); text != "" {
		fmt.Fprintln(s.Out, text)
	}
	return nil
}

// existing gives a judge the LimaVM; one that is gone or going ends the wait.
func existing(judge func(*limav1.LimaVM) (session.Result, error)) session.Predicate {
	return func(object ctrl.Object) (session.Result, error) {
		machine, ok := object.(*limav1.LimaVM)
		if !ok || machine.DeletionTimestamp != nil {
			return session.Result{}, errors.New("the LimaVM was deleted meanwhile")
		}
		return judge(machine)
	}
}

// runningJudge waits until the LimaVM runs, or is stopped.
func runningJudge(running bool, generation int64) session.Predicate {
	return existing(func(machine *limav1.LimaVM) (session.Result, error) {
		if machine.Generation > generation && machine.Spec.Running != running {
			return session.Result{}, fmt.Errorf("the LimaVM was changed meanwhile: its spec.running is %t now", machine.Spec.Running)
		}
		return powerVerdict(machine, running, generation), nil
	})
}

// powerVerdict says whether a LimaVM of at least that generation is up or down as wanted.
func powerVerdict(machine *limav1.LimaVM, running bool, generation int64) session.Result {
	const unseen = "waiting for the LimaVM controller"
	created := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionCreated)
	if running && (created == nil || created.Status != metav1.ConditionTrue) {
		return session.Blocked(created, generation, unseen)
	}
	c := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionRunning)
	if c != nil && c.ObservedGeneration >= generation && powerIs(c, running) {
		return session.Result{Done: true}
	}
	return session.Blocked(c, generation, unseen)
}

func powerIs(c *metav1.Condition, running bool) bool {
	if running {
		return c.Status == metav1.ConditionTrue
	}
	return c.Status == metav1.ConditionFalse && c.Reason == limav1.ReasonStopped
}

// createdVerdict says whether a LimaVM is complete on disk.
func createdVerdict(machine *limav1.LimaVM) session.Result {
	c := meta.FindStatusCondition(machine.Status.Conditions, limav1.ConditionCreated)
	if c != nil && c.Status == metav1.ConditionTrue {
		return session.Result{Done: true}
	}
	return session.Blocked(c, machine.Generation, "waiting for the LimaVM controller")
}

// createdJudge waits until the LimaVM is complete on disk.
func createdJudge() session.Predicate {
	return existing(func(machine *limav1.LimaVM) (session.Result, error) { return createdVerdict(machine), nil })
}

// settledVerdict says whether a LimaVM is complete, of its newest template, and up or down as its spec says.
func settledVerdict(machine *limav1.LimaVM) session.Result {
	if v := createdVerdict(machine); !v.Done {
		return v
	}
	v := powerVerdict(machine, machine.Spec.Running, machine.Generation)
	if v.Done && machine.Status.RestartNeeded {
		return session.Result{Why: "waiting for the restart"}
	}
	return v
}

// awaiting makes v the verdict once noted is true: before, the controller has not heard of the request.
func awaiting(noted bool, v func() session.Result) session.Result {
	if !noted {
		return session.Result{Why: "waiting for the LimaVM controller", Unseen: true}
	}
	return v()
}

// takenUp waits until a change of the template or the parameters is in force and the machine is as it should be.
func takenUp(inForce func(*limav1.LimaVM) bool) session.Predicate {
	return existing(func(machine *limav1.LimaVM) (session.Result, error) {
		v := settledVerdict(machine)
		if v.Done && !inForce(machine) {
			return session.Result{Why: "waiting for the LimaVM controller", Unseen: true}, nil
		}
		return v, nil
	})
}
