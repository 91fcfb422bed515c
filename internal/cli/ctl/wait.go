// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/cli/session"
)

const (
	waitConditionName = "wait-condition"
	// waitConditionTimeout is the default of kubectl wait.
	waitConditionTimeout = 30 * time.Second
	sinceStartup         = "startup"
)

// waitConditionCommand returns a command that is added to kubectl. kubectl's flags say which server
// and namespace. started is when the daemon started.
func waitConditionCommand(s *session.Session, flags *genericclioptions.ConfigFlags, started time.Time) *cobra.Command {
	cmd := &cobra.Command{
		Use:   waitConditionName + " TYPE/NAME CONDITION[=STATUS]",
		Short: "Wait for a condition with a reason, or since a time",
		Long: `Wait until a resource has a condition with the given status (default True), and print the condition.

The resource need not exist yet; when it exists and is deleted meanwhile, that is an error. A condition that
was not observed for the resource's present generation does not count. --reason asks for a reason too. --since asks
for a condition that changed its status no earlier than then: at a time (2026-01-02T15:04:05Z), a
while ago (10m), or since the daemon began (` + sinceStartup + `); times of conditions are full seconds.

The exit code is 4 when the timeout passed, and 1 after any other error.`,
		Example: `  rdd ctl wait-condition app/app Settled --timeout 5m
  rdd ctl wait-condition limavm/dev Running=False --reason Stopped
  rdd ctl wait-condition limavm/dev Running --since startup -n default`,
		Args: cobra.ExactArgs(2),
	}
	output := session.AddOutput(cmd)
	limits := &session.WaitFlags{}
	session.AddTimeout(cmd, &limits.Timeout, waitConditionTimeout)
	reason := cmd.Flags().String("reason", "", "the reason that the condition must have")
	since := cmd.Flags().String("since", "", "the time since when the condition must have its status: a time, a duration, or "+sinceStartup)
	_ = cmd.RegisterFlagCompletionFunc("since", cobra.FixedCompletions([]string{sinceStartup}, cobra.ShellCompDirectiveNoFileComp))
	cmd.ValidArgsFunction = completeConditions(flags)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		wanted, err := parseCondition(args[1])
		if err != nil {
			return &session.CodeError{Code: session.ExitError, Err: err}
		}
		wanted.reason = *reason
		if wanted.since, err = parseSince(*since, started, time.Now()); err != nil {
			return &session.CodeError{Code: session.ExitError, Err: err}
		}
		target, err := newTarget(flags, args[0])
		if err != nil {
			return &session.CodeError{Code: session.ExitError, Err: err}
		}
		ctx, cancel, err := limits.Bound(cmd.Context())
		if err != nil {
			return &session.CodeError{Code: session.ExitError, Err: err}
		}
		defer cancel()
		if err := waitCondition(ctx, s, flags, target, wanted); err != nil {
			return asExit(limits.Explain(ctx, err))
		}
		return output.Print(s.Out, wanted.found, wanted.table)
	}
	return cmd
}

// asExit makes err a *session.CodeError, so that kubectl does not end the process with its own exit
// code.
func asExit(err error) error {
	var exit *session.CodeError
	if errors.As(err, &exit) {
		return exit
	}
	return &session.CodeError{Code: session.CodeOf(err), Err: err}
}

func waitCondition(
	ctx context.Context, s *session.Session, flags *genericclioptions.ConfigFlags, t *target, wanted *wantedCondition,
) error {
	c, err := t.client(flags)
	if err != nil {
		return err
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(t.mapping.GroupVersionKind.GroupVersion().WithKind(t.mapping.GroupVersionKind.Kind + "List"))
	f := &session.Follower{Client: c, List: list, Key: t.key, Reconnect: func(ctx context.Context) (ctrlclient.WithWatch, error) {
		if _, err := s.Reconnect(ctx); err != nil { // only to find out whether the daemon is back
			return nil, err
		}
		inst, err := s.Instance()
		if err != nil {
			return nil, err
		}
		return t.client(ctlFlags(inst)) // reads the kubeconfig again: the port may have changed
	}}
	w := &session.Wait{
		Follow: f.Follow, Until: wanted.predicate,
		What:     t.name + " to have " + wanted.text(),
		Hint:     "To see its conditions: rdd ctl get " + t.name + t.inNamespace() + " -o yaml",
		Progress: session.NewProgress(s.Err),
	}
	return w.Run(ctx)
}
