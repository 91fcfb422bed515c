// SPDX-License-Identifier: Apache-2.0

//go:build unix

package shell

import (
	"context"
	"os"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

func TestResizesAreDelivered(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sizes := resizes(ctx, null)
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	if got, want := <-sizes, (vm.Size{Columns: 80, Rows: 24}); got != want {
		t.Errorf("got %+v, want %+v for what is no terminal", got, want)
	}
}
