// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/completion"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// completeKubectl returns the completions of kubectl itself. They need a running server: completion
// starts nothing.
func completeKubectl(
	ctx context.Context, args []string, prefix string, build func(session.Streams, []string) *cobra.Command,
) ([]string, cobra.ShellCompDirective) {
	asked := append(append([]string{cobra.ShellCompRequestCmd}, args...), prefix)
	var answer bytes.Buffer
	tool := build(session.Streams{In: strings.NewReader(""), Out: &answer, Err: io.Discard}, asked)
	if err := tool.ExecuteContext(ctx); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return parseCompletions(answer.String())
}

// parseCompletions reads the output of cobra's __complete command: one completion per line, and the
// directive, such as ":4", on the last line.
func parseCompletions(answer string) ([]string, cobra.ShellCompDirective) {
	lines := strings.Split(strings.TrimRight(answer, "\n"), "\n")
	last := len(lines) - 1
	text, ok := strings.CutPrefix(lines[last], ":")
	directive, err := strconv.Atoi(text)
	if !ok || err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return lines[:last], cobra.ShellCompDirective(directive)
}

// completeConditions completes TYPE/NAME as kubectl does, and then the conditions that the resource
// has.
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

// presentConditions returns the condition types of a resource. It returns none when the resource
// cannot be read: completion has no place for an error.
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
