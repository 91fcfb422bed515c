// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package filecalls

import (
	"runtime"
	"testing"
	"time"
)

// TestTheRuntimeIsNotCaught: Go's runtime wakes its network poller by a write that holds up the
// garbage collector. It must not wait for the layer, which the collector has stopped.
func TestTheRuntimeIsNotCaught(t *testing.T) {
	l, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC()
			}
		}
	}()
	Skip(t, l.Run(func() {
		defer close(done)
		for range 20000 {
			timer := time.NewTimer(time.Microsecond)
			<-timer.C
		}
	}))
}
