// SPDX-License-Identifier: Apache-2.0

package build

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/image"
)

func dockerRecipe(t *testing.T) Recipe {
	t.Helper()
	recipe, err := findRecipe("docker", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	return recipe
}

func TestRevisionFollowsEveryField(t *testing.T) {
	base := dockerRecipe(t)
	changes := map[string]func(*Recipe){
		"suite":        func(r *Recipe) { r.Suite = "forky" },
		"architecture": func(r *Recipe) { r.Architecture = "arm64" },
		"kernel":       func(r *Recipe) { r.Kernel = "linux-image-cloud-amd64" },
		"packages":     func(r *Recipe) { r.Packages = append([]string{"vim"}, r.Packages...) },
		"boot modules": func(r *Recipe) { r.BootModules = nil },
		"kernel args":  func(r *Recipe) { r.KernelArgs += " debug" },
	}
	seen := map[string]string{revision(t, base): "nothing changed"}
	if again := revision(t, dockerRecipe(t)); seen[again] == "" {
		t.Errorf("the same recipe has another revision: %s", again)
	}
	for name, change := range changes {
		changed := dockerRecipe(t)
		change(&changed)
		sum := revision(t, changed)
		if other, ok := seen[sum]; ok {
			t.Errorf("%s: the revision is the same as with %s", name, other)
		}
		seen[sum] = name
	}
}

func revision(t *testing.T, r Recipe) string {
	t.Helper()
	sum, err := r.Revision()
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestFindRecipe(t *testing.T) {
	var unknown *image.UnknownNameError
	if _, err := findRecipe("nope", "amd64"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "docker") {
		t.Errorf("got %v, want an UnknownNameError that names docker", err)
	}
	if _, err := findRecipe("docker", "riscv64"); err == nil || errors.As(err, &unknown) {
		t.Errorf("got %v, want an error about the architecture", err)
	}
	arm, err := findRecipe("docker", "arm64")
	if err != nil || !strings.Contains(arm.KernelArgs, "console=ttyAMA0") || arm.Kernel != "linux-image-arm64" {
		t.Errorf("arm64: got %+v, %v", arm, err)
	}
}

// The kit must be on disk as the build's scripts expect it, and hold the units that hosts rely on.
func TestWriteKit(t *testing.T) {
	dir := t.TempDir()
	if err := writeKit(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"customize.sh", "makefs.sh", "init.sh", "masked-units", "masked-generators", "kernel-modules", "unwanted-modules.awk",
		"rootfs/etc/systemd/system/rdd-boot.service", "rootfs/etc/systemd/system/rdd-provision.service",
		"rootfs/usr/lib/rdd/run-credential", "rootfs/usr/lib/rdd/dockerd",
	} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// Where containerd is the container engine, neither of Docker's units starts, and both come after
// the script that decides it.
func TestDockerCanBeLeftOut(t *testing.T) {
	const units = "guest/rootfs/etc/systemd/system/"
	for _, name := range []string{"docker.service", "docker.socket.d/10-rdd.conf"} {
		data, err := guest.ReadFile(units + name)
		if err != nil || !strings.Contains(string(data), "\nConditionPathExists=!/run/rdd/without-docker\n") {
			t.Errorf("%s has no condition: %v", name, err)
		}
	}
	boot, err := guest.ReadFile(units + "rdd-boot.service")
	if err != nil || !strings.Contains(string(boot), "Before=ssh.service containerd.service docker.service docker.socket\n") {
		t.Errorf("rdd-boot.service is not before both: %v", err)
	}
}

// A unit that the guest's own units need must not be masked, nor what makes the power button work.
func TestMaskedUnits(t *testing.T) {
	data, err := guest.ReadFile("guest/masked-units")
	if err != nil {
		t.Fatal(err)
	}
	masked := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		masked[strings.TrimSpace(line)] = true
	}
	for _, needed := range []string{
		"ssh.service", "docker.service", "docker.socket", "containerd.service", "dbus.service", "dbus.socket", "systemd-logind.service",
		"systemd-udevd.service", "systemd-networkd.service", "systemd-journald.service", "rdd-boot.service", "rdd-provision.service",
	} {
		if masked[needed] {
			t.Errorf("%s is masked", needed)
		}
	}
}

// A guest without these modules does not notice the power button: stopping it takes the whole
// timeout.
func TestDriversOfPowerButton(t *testing.T) {
	data, err := guest.ReadFile("guest/rootfs/etc/udev/rules.d/80-drivers.rules")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, "acpi:LNXPWRBN:") && strings.Contains(line, `"kmod load"`) &&
			strings.Contains(line, `"kmod load evdev"`) {
			return
		}
	}
	t.Error("no rule loads button and evdev for the power button")
}

// Machines made from one image must not share an identity.
func TestGuestFilesHoldNothingOfOneMachine(t *testing.T) {
	for _, name := range []string{"etc/machine-id", "etc/hostname", "etc/ssh/ssh_host_ed25519_key"} {
		if _, err := guest.Open("guest/rootfs/" + name); err == nil {
			t.Errorf("%s is in the image", name)
		}
	}
}
