// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/completion"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/cli/session"
)

const (
	waitConditionName = "wait-condition"
	// waitConditionTimeout is kubectl wait's.
	waitConditionTimeout = 30 * time.Second
	sinceStartup         = "startup"
)

// waitConditionCommand becomes a command of kubectl, whose flags say where to look; started is when the daemon began.
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
			return asExit(err)
		}
		return output.Print(s.Out, wanted.found, wanted.table)
	}
	return cmd
}

// asExit keeps kubectl from ending the process with its own exit code.
func asExit(err error) error {
	var exit *session.CodeError
	if errors.As(err, &exit) {
		return exit
	}
	return &session.CodeError{Code: session.CodeOf(err), Err: err}
}

func waitCondition(ctx context.Context, s *session.Session, flags *genericclioptions.ConfigFlags, t *target, wanted *wantedCondition) error {
	c, err := t.client(flags)
	if err != nil {
		return err
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(t.mapping.GroupVersionKind.GroupVersion().WithKind(t.mapping.GroupVersionKind.Kind + "List"))
	f := &session.Follower{Client: c, List: list, Key: t.key, Reconnect: func(ctx context.Context) (ctrl.WithWatch, error) {
		if _, err := s.Reconnect(ctx); err != nil { // finds out whether the daemon is back
			return nil, err
		}
		inst, err := s.Instance()
		if err != nil {
			return nil, err
		}
		return t.client(ctlFlags(inst)) // the kubeconfig, read anew: the port may be another
	}}
	w := &session.Wait{
		Follow: f.Follow, Until: wanted.judge,
		What:     t.name + " to have " + wanted.text(),
		Hint:     "To see its conditions: rdd ctl get " + t.name + t.inNamespace() + " -o yaml",
		Progress: session.NewProgress(s.Err),
	}
	return w.Run(ctx)
}

// target is the resource that is waited for.
type target struct {
	// name as the user gave it: TYPE/NAME.
	name    string
	mapping *meta.RESTMapping
	mapper  meta.RESTMapper
	key     ctrl.ObjectKey
}

func newTarget(flags *genericclioptions.ConfigFlags, argument string) (*target, error) {
	kind, name, ok := strings.Cut(argument, "/")
	if !ok || kind == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("the resource must be given as TYPE/NAME, as in app/app; got %q", argument)
	}
	mapper, err := flags.ToRESTMapper()
	if err != nil {
		return nil, fmt.Errorf("asking the server what resources it has: %w", err)
	}
	mapping, err := mappingFor(mapper, kind)
	if err != nil {
		return nil, err
	}
	t := &target{name: argument, mapper: mapper, mapping: mapping, key: ctrl.ObjectKey{Name: name}}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		if t.key.Namespace, _, err = flags.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil, fmt.Errorf("looking for the namespace: %w", err)
		}
	}
	return t, nil
}

// mappingFor understands what kubectl understands: app, apps, limavm, limavms.lima.rancherdesktop.io, …
func mappingFor(mapper meta.RESTMapper, text string) (*meta.RESTMapping, error) {
	resource, group := schema.ParseResourceArg(text)
	var kind schema.GroupVersionKind
	var err error
	if resource != nil {
		kind, _ = mapper.KindFor(*resource) // the text may mean a group without a version as well
	}
	if kind.Empty() {
		kind, err = mapper.KindFor(group.WithVersion(""))
	}
	if err != nil {
		return nil, fmt.Errorf("the server has no resource type %q; to see what there is: rdd ctl api-resources", text)
	}
	return mapper.RESTMapping(kind.GroupKind(), kind.Version)
}

func (t *target) inNamespace() string {
	if t.key.Namespace == "" {
		return ""
	}
	return " -n " + t.key.Namespace
}

func (t *target) client(flags *genericclioptions.ConfigFlags) (ctrl.WithWatch, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	c, err := ctrl.NewWithWatch(config, ctrl.Options{Scheme: runtime.NewScheme(), Mapper: t.mapper})
	if err != nil {
		return nil, fmt.Errorf("building a client: %w", err)
	}
	return c, nil
}

// completeConditions completes TYPE/NAME as kubectl does, and then the conditions that the resource has.
func completeConditions(flags *genericclioptions.ConfigFlags) cobra.CompletionFunc {
	resources := completion.ResourceTypeAndNameCompletionFunc(cmdutil.NewFactory(flags))
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return resources(cmd, args, prefix)
		}
		if len(args) > 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return session.WithPrefix(presentConditions(cmd.Context(), flags, args[0]), prefix), cobra.ShellCompDirectiveNoFileComp
	}
}

// presentConditions are the condition types of a resource; none when it cannot be read, which is nothing that completion could report.
func presentConditions(ctx context.Context, flags *genericclioptions.ConfigFlags, name string) []string {
	t, err := newTarget(flags, name)
	if err != nil {
		return nil
	}
	c, err := t.client(flags)
	if err != nil {
		return nil
	}
	resource := &unstructured.Unstructured{}
	resource.SetGroupVersionKind(t.mapping.GroupVersionKind)
	if err := c.Get(ctx, t.key, resource); err != nil {
		return nil
	}
	conditions, err := conditionsOf(resource)
	if err != nil {
		return nil
	}
	var types []string
	for _, c := range conditions {
		types = append(types, c.Type)
	}
	return types
}
