// SPDX-License-Identifier: Apache-2.0

package build

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"rancherdesktop.io/rdd/internal/vm/image"
)

//go:embed all:guest
var guest embed.FS

// formatRevision is raised when the code of this package changes images in a way that nothing else
// in Recipe.Revision reflects.
const formatRevision = 1

// sourceDateEpoch is the newest time stamp in an image, in seconds since 1970: builds
// from the same packages are equal (reproducible-builds.org, SOURCE_DATE_EPOCH).
const sourceDateEpoch = 1754697600 // 2025-08-09, the release of Debian 13

// Recipe says what goes into an image. All of it is part of its revision.
type Recipe struct {
	Name string `json:"name"`
	// Suite of Debian; the host's own version does not matter.
	Suite string `json:"suite"`
	// Architecture as Debian names it: "amd64", "arm64".
	Architecture string `json:"architecture"`
	// Kernel is the meta package that depends on the kernel to take.
	Kernel   string   `json:"kernel"`
	Packages []string `json:"packages"`
	// BootModules are the kernel modules that are needed to mount the root file system. Those that are
	// built into the kernel are left out of the initrd.
	BootModules []string `json:"bootModules"`
	// KernelArgs are the image's; a machine's own are appended.
	KernelArgs string `json:"kernelArgs"`
}

// platformArgs by architecture: the console that kernel and init write to, and no check of the
// timer. On a busy host an emulated processor fails that check (kernel-parameters.txt,
// no_timer_check).
var platformArgs = map[string]string{"amd64": "console=ttyS0 no_timer_check", "arm64": "console=ttyAMA0"}

// recipes returns the recipes for an architecture as Go names it.
func recipes(arch string) []Recipe {
	platform, ok := platformArgs[arch]
	if !ok {
		return nil
	}
	return []Recipe{{
		Name:         "docker",
		Suite:        "trixie",
		Architecture: arch,
		// Not the cloud kernel: it has no 9p, with which guests mount directories of the host.
		Kernel: "linux-image-" + arch,
		Packages: []string{
			"apparmor", "ca-certificates", "dbus", "dnsmasq-base", "docker-cli", "docker.io", "e2fsprogs", "iproute2", "iptables",
			"kmod", "libnss-myhostname", "openssh-server", "sshfs", "sudo", "systemd-sysv", "udev",
		},
		// ext4 asks for its checksums by name (crc32c), so that it depends on no module.
		BootModules: []string{"virtio_pci", "virtio_blk", "crc32c_generic", "ext4"},
		KernelArgs:  "root=/dev/vda rw " + platform + " quiet panic=-1 net.ifnames=0",
	}}
}

// findRecipe returns the recipe called name.
func findRecipe(name, arch string) (Recipe, error) {
	all := recipes(arch)
	for _, recipe := range all {
		if recipe.Name == name {
			return recipe, nil
		}
	}
	if len(all) == 0 {
		return Recipe{}, fmt.Errorf("rdd has no guest images for the architecture %s", arch)
	}
	return Recipe{}, &image.UnknownNameError{Name: name, Known: recipeNames(all)}
}

func recipeNames(all []Recipe) []string {
	names := make([]string, 0, len(all))
	for _, recipe := range all {
		names = append(names, recipe.Name)
	}
	slices.Sort(names)
	return names
}

// Revision is a hash of everything in rdd's code that shapes the image. An image of another
// revision is outdated.
func (r Recipe) Revision() (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, formatRevision, sourceDateEpoch, fileSystemSlack, r.fileSystemID(), r.treeOptions(), applets)
	if err := json.NewEncoder(hash).Encode(r); err != nil {
		return "", fmt.Errorf("hashing recipe %s: %w", r.Name, err)
	}
	err := fs.WalkDir(guest, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := guest.ReadFile(path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(data), data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hashing recipe %s: %w", r.Name, err)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// writeKit writes the embedded guest files below dir, where the build's scripts find them.
func writeKit(dir string) error {
	root, err := fs.Sub(guest, "guest")
	if err != nil {
		return err
	}
	return os.CopyFS(dir, root)
}
