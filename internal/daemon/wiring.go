// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"slices"

	"k8s.io/client-go/rest"
	"k8s.io/component-base/version"
	"k8s.io/utils/clock"

	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
	"rancherdesktop.io/rdd/internal/controllers"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// ControllerNames are the controllers there are.
func ControllerNames() []string { return names(controllers.New(controllers.Deps{})) }

func names(all []controllers.Controller) []string {
	known := make([]string, 0, len(all))
	for _, controller := range all {
		known = append(known, controller.Name)
	}
	return known
}

// selectControllers builds all controllers and keeps the ones that the arguments ask for. The others' rules are kept, too:
// what nobody reconciles now is reconciled later and must be as valid.
func (d *daemon) selectControllers(config func(user string) *rest.Config) (all, selected []controllers.Controller, err error) {
	host, err := template.LocalHost()
	if err != nil {
		return nil, nil, fmt.Errorf("looking at the host: %w", err)
	}
	var wanted []string
	all = controllers.New(controllers.Deps{
		Config: config, Engine: d.options.Engines.Machines, Containers: d.options.Engines.Containers, Host: host,
		LimaHome: d.inst.LimaHome(), DockerSocket: d.inst.DockerSocket(), Clock: clock.RealClock{},
		Integration: hostconfig.New(hostconfig.For(d.inst, d.options.Docker)),
		Versions:    rddv1.Versions{RDD: d.options.Build.Text(), Kubernetes: version.Get().GitVersion},
		Enabled:     func(name string) bool { return slices.Contains(wanted, name) },
	})
	wanted, err = presence.SelectControllers(d.options.Arguments.Controllers, names(all))
	if err != nil {
		return nil, nil, err
	}
	selected = slices.DeleteFunc(slices.Clone(all), func(c controllers.Controller) bool { return !slices.Contains(wanted, c.Name) })
	return all, selected, nil
}
