// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
)

// SSH implements vm.SSHReporter.
func (e *Engine) SSH(_ context.Context, name string) (vm.SSH, error) {
	i := e.instance(name)
	if err := i.existing(); err != nil {
		return vm.SSH{}, err
	}
	config, err := sshx.ReadConfig(i.dir.SSHConfig())
	if errors.Is(err, fs.ErrNotExist) {
		return vm.SSH{}, fmt.Errorf("instance %s: %w", name, vm.ErrNotRunning)
	}
	if err != nil {
		return vm.SSH{}, err
	}
	address, port, err := net.SplitHostPort(config.Address)
	if err != nil {
		return vm.SSH{}, fmt.Errorf("reading %s: %w", i.dir.SSHConfig(), err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return vm.SSH{}, fmt.Errorf("reading %s: %w", i.dir.SSHConfig(), err)
	}
	return vm.SSH{
		ConfigFile: i.dir.SSHConfig(), Host: i.dir.Name(), Address: address, Port: number, User: config.User,
		KeyFile: config.PrivateKeyFile, KnownHostsFile: config.KnownHostsFile,
	}, nil
}
