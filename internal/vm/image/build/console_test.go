// SPDX-License-Identifier: Apache-2.0

package build

import (
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/image"
)

// TestGuestsSayWhatTheHostReads: the host recognises a failed boot by what the guest prints on its
// console.
func TestGuestsSayWhatTheHostReads(t *testing.T) {
	for path, says := range map[string]string{
		"guest/init.sh": `echo "` + image.ConsoleInitrd,
		"guest/rootfs/usr/lib/rdd/run-credential": `echo "` + image.ConsoleScriptFailed("$name"),
	} {
		script, err := guest.ReadFile(path)
		if err != nil || !strings.Contains(string(script), says) {
			t.Errorf("%s does not say %q (%v)", path, says, err)
		}
	}
}
