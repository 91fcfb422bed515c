// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"os"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// TestPropagateProxyEnv: the guest gets the host's proxies when its template says so, and nothing
// is recorded of them otherwise.
func TestPropagateProxyEnv(t *testing.T) {
	h := newFakeHost(t)
	e := h.engine(t)
	for _, wanted := range []string{"false", "true"} {
		must(t, e.Apply(t.Context(), spec(guestTemplate+"propagateProxyEnv: "+wanted+"\n")))
		await(t, e, "created", in(vm.PhaseStopped))
		must(t, e.Start(t.Context(), owner, "x"))
		await(t, e, "running", in(vm.PhaseRunning))
		for _, path := range []string{h.dir().BootScript(), h.dir().StartFile()} {
			text, err := os.ReadFile(path)
			must(t, err)
			proxy := "http://host.lima.internal:3128"
			if path == h.dir().StartFile() {
				proxy = "http://localhost:3128"
			}
			if got := strings.Contains(string(text), proxy); got != (wanted == "true") {
				t.Errorf("propagateProxyEnv: %s: %s has the proxy: %t", wanted, path, got)
			}
		}
		must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
		await(t, e, "stopped", in(vm.PhaseStopped))
	}
}
