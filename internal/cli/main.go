// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"syscall"

	"rancherdesktop.io/rdd/internal/cli/ctl"
	"rancherdesktop.io/rdd/internal/cli/serve"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/controllers"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/version"
)

// program holds what Main builds the commands from.
type program struct {
	session *session.Session
	engines serve.EnginesFunc
}

// Option replaces a part of the program. Only tests use options.
type Option func(*program)

// WithEngines makes the daemon use the engines that f returns.
func WithEngines(f serve.EnginesFunc) Option { return func(p *program) { p.engines = f } }

// WithBuild makes the program report b as its build.
func WithBuild(b version.Build) Option { return func(p *program) { p.session.Build = b } }

// Main runs rdd with the arguments that follow its name and returns the exit code. The first SIGINT
// or SIGTERM ends the command's context; a second one ends the process at once.
func Main(args []string, options ...Option) int {
	ctx, stop := withSignals(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{
		session: &session.Session{
			Streams: session.StandardStreams(),
			Build:   version.This(), Engine: serve.OpenEngine,
			Controllers: presence.Known{Names: controllers.Names(), Groups: controllers.Groups()},
		},
		engines: serve.NewEngines,
	}
	for _, option := range options {
		option(p)
	}
	if ctl.CalledAsKubectl() {
		args = append([]string{ctl.KubectlName}, args...)
	}
	tree := p.command()
	tree.SetArgs(args)
	cmd, err := tree.ExecuteContextC(ctx)
	return p.session.ExitCode(placeInstance(withNearestFlag(cmd, withWantedValue(err))))
}
