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
	"rancherdesktop.io/rdd/internal/version"
)

// program is what Main is made of.
type program struct {
	session *session.Session
	engines serve.EnginesFunc
}

// Option changes what Main is made of; tests use them.
type Option func(*program)

// WithEngines makes daemons drive other engines.
func WithEngines(f serve.EnginesFunc) Option { return func(p *program) { p.engines = f } }

// WithBuild makes this program another build.
func WithBuild(b version.Build) Option { return func(p *program) { p.session.Build = b } }

// Main runs rdd with the arguments that follow its name and returns the exit code.
func Main(args []string, options ...Option) int {
	ctx, stop := withSignals(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{
		session: &session.Session{
			Streams: session.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr},
			Build:   version.This(), Engine: serve.OpenEngine, Controllers: controllers.Names(),
		},
		engines: serve.NewEngines,
	}
	for _, option := range options {
		option(p)
	}
	if ctl.CalledAsKubectl() {
		args = append([]string{ctl.KubectlName}, args...)
	}
	cmd := p.command()
	cmd.SetArgs(args)
	return p.session.ExitCode(cmd.ExecuteContext(ctx))
}
