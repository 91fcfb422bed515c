// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/instance"
)

// Host returns the user's host as the instance changes it. Which configuration of docker's that is
// follows from the daemon's environment, which may differ from that of this process.
func (s *Session) Host(inst instance.Instance) (*hostconfig.Host, error) {
	env, err := DockerEnvironment()
	if err != nil {
		return nil, err
	}
	options := hostconfig.For(inst, env)
	options.Recorded = true
	return hostconfig.New(options), nil
}

// DockerEnvironment reads the environment variables that choose docker's configuration and engine.
func DockerEnvironment() (hostconfig.Environment, error) {
	env := hostconfig.Environment{ConfigDir: os.Getenv("DOCKER_CONFIG"), Context: os.Getenv("DOCKER_CONTEXT"), Host: os.Getenv("DOCKER_HOST")}
	if env.ConfigDir != "" {
		return env, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return env, fmt.Errorf("finding docker's configuration: %w", err)
	}
	env.ConfigDir = filepath.Join(home, ".docker")
	return env, nil
}

// HostSettings lists what the instance changes on the host, with the problem of each.
func (s *Session) HostSettings(inst instance.Instance) ([]hostconfig.Setting, error) {
	host, err := s.Host(inst)
	if err != nil {
		return nil, err
	}
	return host.List()
}

// UndoHostChanges undoes what was changed on the host for an App that was deleted. What cannot be
// undone is printed on standard error. The daemon does so too, and either may be first.
func (s *Session) UndoHostChanges(ctx context.Context, inst instance.Instance) error {
	host, err := s.Host(inst)
	if err != nil {
		return err
	}
	report, err := host.Apply(ctx, hostconfig.Want{})
	if err != nil {
		return err
	}
	for _, problem := range report.Problems {
		fmt.Fprintln(s.Err, "Left on the host:", problem.Error())
	}
	return nil
}
