// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// codeOlder is the exit code of an rdd that is older than what it finds.
const codeOlder = 5

// buildVersion builds the rdd of this tree as another version. Only the link differs.
func (w *world) buildVersion(version string) string {
	w.t.Helper()
	binary := filepath.Join(w.temp(), "rdd-"+version)
	flags := "-s -w -X rancherdesktop.io/rdd/internal/version.Version=" + version
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", flags, "-o", binary, "./cmd/rdd")
	cmd.Dir, cmd.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("building rdd %s: %v\n%s", version, err, out)
	}
	return binary
}

// checkUpgrade has a newer rdd take over a running guest whose hostagent is of this one. The guest
// notices nothing, and the older rdd leaves the newer daemon alone. The world goes on with the
// newer. What an older rdd does to a newer one's store is tested with scripts: only the definitions
// decide.
func (w *world) checkUpgrade(newer string) {
	w.t.Helper()
	older := w.binary
	before, guest, agent := w.bootID(), w.guest(), w.hostagent()
	w.binary = newer
	w.rdd("status")
	w.rdd("start", timeout)
	w.expect(w.rdd("run", timeout, "docker", "ps", "-q"), "")
	if after := w.bootID(); after != before || w.guest() != guest || w.hostagent() != agent {
		w.t.Errorf("an upgrade of rdd was noticed: boot id %s became %s, guest %v became %v", before, after, guest, w.guest())
	}
	w.refusesOlder(older, "status")
}

// refusesOlder runs a command of an rdd that is older than the daemon. It must say so.
func (w *world) refusesOlder(older string, args ...string) {
	w.t.Helper()
	newer := w.binary
	w.binary = older
	defer func() { w.binary = newer }()
	r := w.try(nil, args...)
	if r.code != codeOlder || !strings.Contains(r.err, "newer than this rdd") {
		w.t.Errorf("an older rdd's %v ended with exit code %d: %s", args, r.code, r.err)
	}
}

// TestLongUpgrade has this rdd take over what a released one made: store, running machine, its disk
// and its container. RDD_E2E_OLDER is that rdd. This tree's own build may have no release tag, so
// it is linked again as a newer version.
func TestLongUpgrade(t *testing.T) {
	requireLong(t)
	older := os.Getenv("RDD_E2E_OLDER")
	if older == "" {
		t.Skip("needs an older rdd to upgrade from: set RDD_E2E_OLDER")
	}
	w := newWorld(t, "")
	newer := w.buildVersion("v999.0.0")
	w.binary = older
	w.rdd("start", timeout)
	w.rdd("shell", "sh", "-c", "echo kept | sudo tee /kept && sudo sync")
	w.checkUpgrade(newer)

	w.rdd("stop", timeout)
	w.rdd("start", timeout)
	w.expectIn(w.rdd("shell", "cat", "/kept"), "kept")
	w.rdd("stop", timeout)
	w.rdd("delete", timeout)
	w.checkNothingLeft()
}
