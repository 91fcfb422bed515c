// SPDX-License-Identifier: Apache-2.0

package portalloc

import (
	"net"
	"testing"
)

func TestFree(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := listener.Addr().(*net.TCPAddr).Port
	if free, err := IsFree(taken); free || err != nil {
		t.Errorf("IsFree of a taken port = %v, %v", free, err)
	}
	other, err := Free(taken)
	if err != nil || other == taken || other == 0 {
		t.Fatalf("Free(%d) = %d, %v; want another port", taken, other, err)
	}
	if again, err := Free(other); err != nil || again != other {
		t.Errorf("Free(%d) = %d, %v; want the free port asked for", other, again, err)
	}
}
