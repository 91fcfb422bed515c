// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"net"
	"os"
	"testing"
)

func TestTCPListener(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0", ":0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		port := listener.Addr().(*net.TCPAddr).Port
		if pid, err := TCPListener(port); err != nil || pid != os.Getpid() {
			t.Errorf("%s: got %d, %v", address, pid, err)
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		if pid, err := TCPListener(port); !errors.Is(err, ErrGone) {
			t.Errorf("%s, closed: got %d, %v", address, pid, err)
		}
	}
	other, err := net.Listen("tcp", "127.0.0.9:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if pid, err := TCPListener(other.Addr().(*net.TCPAddr).Port); !errors.Is(err, ErrGone) {
		t.Errorf("another address: got %d, %v", pid, err)
	}
}
