// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/user"
	"strings"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// keyring holds Debian's archive keys, by which apt verifies every package.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// spaceNeeded for a build in bytes: the tree, the packages, the raw and the converted disk.
const spaceNeeded = 3 << 30

// tool is something a build needs from the host, and the package that has it.
type tool struct{ name, packageName string }

// host is what a build needs to know about the host; tests replace it.
type host struct {
	lookPath  func(name string) (string, error)
	exists    func(path string) bool
	freeSpace func(dir string) (int64, error)
	root      bool
}

func thisHost() host {
	return host{lookPath: process.LookPath, exists: exists, freeSpace: image.FreeSpace, root: os.Geteuid() == 0}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// checkTools returns a *vm.HostError that names everything missing, with one command that installs
// it.
func (h host) checkTools() error {
	tools := []tool{{"mmdebstrap", "mmdebstrap"}, {"mke2fs", "e2fsprogs"}, {"qemu-img", "qemu-utils"}, {"unshare", "util-linux"}}
	if !h.root {
		tools = append(tools, tool{"newuidmap", "uidmap"})
	}
	var missing, packages []string
	for _, t := range tools {
		if _, err := h.lookPath(t.name); err != nil {
			missing = append(missing, t.name)
			packages = append(packages, t.packageName)
		}
	}
	if !h.exists(keyring) {
		missing = append(missing, "Debian's archive keys ("+keyring+")")
		packages = append(packages, "debian-archive-keyring")
	}
	if len(missing) == 0 {
		return nil
	}
	return &vm.HostError{
		Missing: strings.Join(missing, ", ") + " (to build the guest image)",
		Hint:    "sudo apt-get install --yes " + strings.Join(packages, " "),
	}
}

// checkSpace returns a *vm.HostError when dir has not enough free space for a build.
func (h host) checkSpace(dir string) error {
	free, err := h.freeSpace(dir)
	if err != nil {
		return fmt.Errorf("looking for free space in %s: %w", dir, err)
	}
	if free >= spaceNeeded {
		return nil
	}
	return &vm.HostError{
		Missing: fmt.Sprintf("disk space: building the guest image needs %.1f GiB in %s, %.1f GiB are free",
			gib(spaceNeeded), dir, gib(free)),
		Hint: "free some space there, or set XDG_CACHE_HOME to a directory that has it",
	}
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

// checkSandbox runs a program in the namespaces that a build needs. An ordinary user may lack
// subordinate ids, and a host may forbid user namespaces: then it returns a *vm.HostError.
func checkSandbox(ctx context.Context, box sandbox, dir string) error {
	var output bytes.Buffer
	err := box.run(ctx, dir, &output, "true")
	if err == nil || ctx.Err() != nil {
		return err
	}
	if _, ended := process.ExitCode(err); !ended {
		return fmt.Errorf("starting the build's namespaces: %w", err)
	}
	name := "USER"
	if current, lookupErr := user.Current(); lookupErr == nil {
		name = current.Username
	}
	return &vm.HostError{
		Missing: fmt.Sprintf("namespaces in which %s may build the guest image (%s)", name, strings.TrimSpace(output.String())),
		Hint:    fmt.Sprintf("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s (or build as root)", name),
	}
}
