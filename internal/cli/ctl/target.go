// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/completion"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// target is the resource that is waited for.
type target struct {
	// name as the user gave it: TYPE/NAME.
	name    string
	mapping *meta.RESTMapping
	mapper  meta.RESTMapper
	key     ctrlclient.ObjectKey
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
	t := &target{name: argument, mapper: mapper, mapping: mapping, key: ctrlclient.ObjectKey{Name: name}}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		if t.key.Namespace, _, err = flags.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil, fmt.Errorf("looking for the namespace: %w", err)
		}
	}
	return t, nil
}

// mappingFor understands what kubectl understands: app, apps, limavm,
// limavms.lima.rancherdesktop.io, …
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

func (t *target) client(flags *genericclioptions.ConfigFlags) (ctrlclient.WithWatch, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	c, err := ctrlclient.NewWithWatch(config, ctrlclient.Options{Scheme: runtime.NewScheme(), Mapper: t.mapper})
	if err != nil {
		return nil, fmt.Errorf("building a client: %w", err)
	}
	return c, nil
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

// presentConditions are the condition types of a resource; none when it cannot be read, which is
// nothing that completion could report.
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
