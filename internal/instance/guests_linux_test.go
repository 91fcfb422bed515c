// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/process"
)

// TestRunningGuests: both programs that show a guest directories of the host are found, with the
// guest's name.
func TestRunningGuests(t *testing.T) {
	for name, args := range map[string][]string{
		"of-qemu": {"-name", "guest=of-qemu", "-fsdev", "local,path=/x"}, "of-a-server": {"serve-mounts", "guest=of-a-server", "{}"},
	} {
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		id, _, err := process.StartDetached(process.Command{
			Path: "/bin/sh", Args: append([]string{"-c", "read line", "sh"}, args...), Stdin: in,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = id.Signal(syscall.SIGKILL) }()
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		guests, err := runningGuests()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(guests, guest{pid: id.PID, name: name}) {
			t.Errorf("%s: found %+v", name, guests)
		}
	}
}
