// SPDX-License-Identifier: Apache-2.0

// Package portalloc finds free TCP ports on the host's loopback address. A port may be taken again
// before its finder binds it: callers try another one then.
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
// The port is not held: whoever binds it must be ready to find it taken and ask again.
func Free(preferred int) (int, error) {
	if preferred != 0 {
		free, err := IsFree(preferred)
		if err != nil || free {
			return preferred, err
		}
	}
	return try(0)
}

// IsFree reports whether port can be bound on 127.0.0.1 now. A port that this user must not bind is
// an error.
func IsFree(port int) (bool, error) {
	_, err := try(port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return false, nil
	}
	return err == nil, err
}

// try binds a port, 0 being any, and returns its number after it has let go of it.
func try(port int) (int, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	port = listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}
