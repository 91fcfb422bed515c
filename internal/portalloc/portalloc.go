// SPDX-License-Identifier: Apache-2.0

// Package portalloc finds free TCP ports on the host's loopback address.
package portalloc

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

const loopback = "127.0.0.1"

// Free returns preferred when it is not 0 and free on 127.0.0.1, else a port that the system picks.
// The port is not held: whoever binds it must be ready to lose the race and ask again.
func Free(preferred int) (int, error) {
	if preferred != 0 {
		free, err := IsFree(preferred)
		if err != nil || free {
			return preferred, err
		}
	}
	return try(0)
}

// IsFree reports whether port can be bound on 127.0.0.1 now.
func IsFree(port int) (bool, error) {
	_, err := try(port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return false, nil
	}
	return err == nil, err
}

func try(port int) (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	port = listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}
