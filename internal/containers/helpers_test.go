// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"net"
	"os"
	"testing"
	"time"
)

// await waits until a condition holds that nothing announces.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatal("it did not become so")
		case <-ticker.C:
		}
	}
}

func listen(t *testing.T, socket string) net.Listener {
	t.Helper()
	os.Remove(socket)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
