// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
)

// target is the object that is waited for.
type target struct {
	// name is TYPE/NAME as the user gave it.
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

// mappingFor returns the resource for a TYPE as kubectl accepts it: app, apps, limavm,
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
