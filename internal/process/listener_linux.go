// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// TCPListener returns the PID of a process that listens on a TCP port of 127.0.0.1 or of all
// addresses (proc_pid_net(5)). ErrGone: nobody does, or it is a process that this user may not look
// into.
func TCPListener(port int) (int, error) {
	sockets, err := listening(port)
	if err != nil {
		return 0, err
	}
	descriptors, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, err
	}
	for _, descriptor := range descriptors {
		if to, err := os.Readlink(descriptor); err == nil && slices.Contains(sockets, to) {
			return strconv.Atoi(strings.Split(descriptor, "/")[2])
		}
	}
	return 0, fmt.Errorf("the process that listens on port %d: %w", port, ErrGone)
}

// listening lists the sockets that listen on a port, as their descriptors are linked.
func listening(port int) ([]string, error) {
	const listen = "0A" // TCP_LISTEN of the kernel's include/net/tcp_states.h
	addresses := []string{
		"0100007F", "00000000", strings.Repeat("0", 32), "0000000000000000FFFF00000100007F", "0000000000000000FFFF000000000000",
	}
	var sockets []string
	for _, file := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		table, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading who listens: %w", err)
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != listen {
				continue
			}
			address, local, _ := strings.Cut(f[1], ":")
			if local == fmt.Sprintf("%04X", port) && slices.Contains(addresses, address) {
				sockets = append(sockets, "socket:["+f[9]+"]")
			}
		}
	}
	return sockets, nil
}
