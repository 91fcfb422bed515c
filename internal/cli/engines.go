// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"log/slog"

	"k8s.io/client-go/rest"
	kubeversion "k8s.io/component-base/version"
	"k8s.io/utils/clock"

	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
	"rancherdesktop.io/rdd/internal/controllers"
	"rancherdesktop.io/rdd/internal/daemon"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// newEngines makes the engines of the product.
func newEngines(inst instance.Instance) (wiring.Engines, error) {
	process, err := thisProcess(version.Get(), slog.Default())
	if err != nil {
		return wiring.Engines{}, err
	}
	return wiring.NewEngines(inst, process), nil
}

// daemonParts has the parts of an instance's daemon built from the saved arguments, the environment and
// what this machine is.
func (r *root) daemonParts(inst instance.Instance) (daemon.Parts, error) {
	arguments, _, err := presence.LoadArguments(inst)
	if err != nil {
		return daemon.Parts{}, err
	}
	enabled, err := presence.SelectControllers(arguments.Controllers, controllers.Names())
	if err != nil {
		return daemon.Parts{}, err
	}
	docker, err := dockerEnvironment()
	if err != nil {
		return daemon.Parts{}, err
	}
	host, err := template.LocalHost()
	if err != nil {
		return daemon.Parts{}, fmt.Errorf("finding out about the host: %w", err)
	}
	engines, err := r.newEngines(inst)
	if err != nil {
		return daemon.Parts{}, fmt.Errorf("preparing the engines: %w", err)
	}
	values := wiring.Values{
		Engines: engines, Enabled: enabled, Host: host,
		LimaHome: inst.LimaHome(), DockerSocket: inst.DockerSocket(), Clock: clock.RealClock{},
		Integration: hostconfig.New(hostconfig.For(inst, docker)),
		Versions:    rddv1.Versions{RDD: r.build.Text(), Kubernetes: kubeversion.Get().GitVersion},
	}
	return daemon.Parts{
		Port: arguments.SecurePort,
		Controllers: func(ctx context.Context, config func(user string) *rest.Config) daemon.Controllers {
			return wiring.NewControllers(ctx, values, config)
		},
	}, nil
}
