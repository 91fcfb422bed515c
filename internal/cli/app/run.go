// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
)

func runCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run CMD…",
		Short: "Run a host command that talks to this instance's Docker and API",
		Long: `Run runs a command of this host with DOCKER_HOST and KUBECONFIG pointing at this instance and its tools
first in PATH. The VM is started if need be. Signals and the exit code are the command's own.`,
		Example: `  rdd run docker ps
  rdd run docker run --rm -it debian bash
  rdd run sh -c 'tar -c . | docker import - here'`,
		Args: cobra.MinimumNArgs(1),
	}
	flags := &session.WaitFlags{}
	session.AddTimeout(cmd, &flags.Timeout, session.StartTimeout)
	cmd.Flags().SetInterspersed(false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel, err := flags.Bound(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		return flags.Explain(ctx, runProgram(ctx, s, args))
	}
	return cmd
}

func runProgram(ctx context.Context, s *session.Session, args []string) error {
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	path, err := findProgram(inst, args[0])
	if err != nil {
		return err
	}
	app, err := ensureRunning(ctx, s)
	if err != nil {
		return err
	}
	if app.Spec.ContainerEngine.Name == appv1.EngineContainerd && filepath.Base(args[0]) == "docker" {
		return errors.New("the VM's container engine is containerd, which docker cannot talk to; " +
			"use it in the guest (rdd shell sudo ctr …), or go back to Docker: rdd set containerEngine.name=moby")
	}
	code, err := process.Replace(path, args, runEnvironment(inst, os.Environ()))
	if err != nil {
		return fmt.Errorf("running %s: %w", args[0], err)
	}
	return &session.CodeError{Code: code}
}

// ensureRunning starts the App and waits for it, unless it has settled running. It returns the App.
func ensureRunning(ctx context.Context, s *session.Session) (*appv1.App, error) {
	if err := s.CheckSocketPaths(); err != nil {
		return nil, err
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return nil, err
	}
	app, err := resource.App(ctx, c)
	if err != nil || resource.SettledRunning(app) {
		return app, err
	}
	if app, err = resource.StartApp(ctx, s, c); err != nil {
		return nil, err
	}
	return app, resource.SettleApp(ctx, s, c, app, []string{"running"}, "the VM to run", startHint)
}

// findProgram returns the path of a program. The instance's own tools come before those in PATH.
func findProgram(inst instance.Instance, name string) (string, error) {
	if filepath.Base(name) == name {
		if path, err := process.LookPath(filepath.Join(inst.BinDir(), name)); err == nil {
			return path, nil
		}
	}
	path, err := process.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case name == "docker":
		return "", fmt.Errorf("this host has no docker command; to install it: " +
			"sudo apt-get install docker-cli (Debian 13 and later) or sudo apt-get install docker.io")
	default:
		return "", fmt.Errorf("finding the command to run: %w", err)
	}
}

// unset are variables that would make the docker client use another engine.
var unset = []string{"DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}

// runEnvironment returns env with the variables that point docker and kubectl to the instance.
func runEnvironment(inst instance.Instance, env []string) []string {
	set := map[string]string{
		"DOCKER_HOST": "unix://" + inst.DockerSocket(),
		"KUBECONFIG":  inst.ConfigFile(),
		"PATH":        inst.BinDir(),
	}
	var kept []string
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if name == "PATH" && value != "" {
			set["PATH"] += string(os.PathListSeparator) + value
		}
		if _, replaced := set[name]; !replaced && !slices.Contains(unset, name) {
			kept = append(kept, entry)
		}
	}
	for _, name := range []string{"DOCKER_HOST", "KUBECONFIG", "PATH"} {
		kept = append(kept, name+"="+set[name])
	}
	return kept
}
