// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"errors"
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	kubeversion "k8s.io/component-base/version"
	"k8s.io/utils/clock"

	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/daemon"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// EnginesFunc returns the engines of an instance.
type EnginesFunc = wiring.EnginesFunc

// Daemon returns a function that runs the daemon of an instance until its context ends. It is what
// service.Command takes. prepare is called first, and returns the daemon's arguments. In the
// background its failure, like any other failure to start, is reported to the process that started
// the daemon.
func Daemon(
	s *session.Session, newEngines EnginesFunc,
) func(ctx context.Context, inst instance.Instance, background bool, prepare func() (presence.Arguments, error)) error {
	return func(ctx context.Context, inst instance.Instance, background bool, prepare func() (presence.Arguments, error)) error {
		program, err := os.Executable()
		if err != nil {
			return fmt.Errorf("finding this program: %w", err)
		}
		options := daemon.Options{Instance: inst, Build: s.Build, Background: background, Program: program}
		err = daemon.Serve(ctx, options, func() (daemon.Parts, error) {
			arguments, err := prepare()
			if err != nil {
				return daemon.Parts{}, err
			}
			if err := s.ApplyDaemonLogging(arguments); err != nil {
				return daemon.Parts{}, err
			}
			return daemonParts(s, inst, arguments, newEngines)
		})
		if errors.Is(err, daemon.ErrFailed) {
			return &session.CodeError{Code: session.ExitError} // logged, and reported to who started the daemon
		}
		return err
	}
}

// daemonParts builds the parts of an instance's daemon from its arguments, the environment and the
// facts about this host.
func daemonParts(
	s *session.Session, inst instance.Instance, arguments presence.Arguments, newEngines wiring.EnginesFunc,
) (daemon.Parts, error) {
	enabled, err := s.Controllers.Select(arguments.Controllers)
	if err != nil {
		return daemon.Parts{}, fmt.Errorf("reading the instance's arguments %s: %w", inst.ArgsFile(), err)
	}
	docker, err := session.DockerEnvironment()
	if err != nil {
		return daemon.Parts{}, err
	}
	host, err := template.LocalHost()
	if err != nil {
		return daemon.Parts{}, fmt.Errorf("finding out about the host: %w", err)
	}
	engines, err := newEngines(inst)
	if err != nil {
		return daemon.Parts{}, fmt.Errorf("preparing the engines: %w", err)
	}
	values := wiring.Values{
		Engines: engines, Enabled: enabled, Host: host,
		LimaHome: inst.LimaHome(), DockerSocket: inst.DockerSocket(), Clock: clock.RealClock{},
		Integration: hostconfig.New(hostconfig.For(inst, docker)),
		Versions:    rddv1.Versions{RDD: s.Build.Text(), Kubernetes: kubeversion.Get().GitVersion},
	}
	return daemon.Parts{
		Port: arguments.SecurePort, Enabled: enabled,
		Controllers: func(ctx context.Context, config func(user string) *rest.Config) daemon.Controllers {
			return wiring.NewControllers(ctx, values, config)
		},
	}, nil
}
