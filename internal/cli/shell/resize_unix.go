// SPDX-License-Identifier: Apache-2.0

//go:build unix

package shell

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"rancherdesktop.io/rdd/internal/vm"
)

// resizes sends the terminal's size after each change, until ctx ends.
func resizes(ctx context.Context, terminal *os.File) <-chan vm.Size {
	signals, sizes := make(chan os.Signal, 1), make(chan vm.Size)
	signal.Notify(signals, syscall.SIGWINCH)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			select {
			case <-ctx.Done():
				return
			case sizes <- sizeOf(terminal):
			}
		}
	}()
	return sizes
}
