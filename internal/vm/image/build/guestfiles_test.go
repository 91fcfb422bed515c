// SPDX-License-Identifier: Apache-2.0

package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unwanted runs the script that chooses the kernel modules to remove, with the list of the image.
func unwanted(t *testing.T, modulesDep string) []string {
	t.Helper()
	if _, err := exec.LookPath("awk"); err != nil {
		t.Skip("this host has no awk")
	}
	dir := t.TempDir()
	if err := writeKit(dir); err != nil {
		t.Fatal(err)
	}
	dep := filepath.Join(dir, "modules.dep")
	if err := os.WriteFile(dep, []byte(modulesDep), 0o600); err != nil {
		t.Fatal(err)
	}
	script, list := filepath.Join(dir, "unwanted-modules.awk"), filepath.Join(dir, "kernel-modules")
	out, err := exec.Command("awk", "-f", script, list, dep).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	removed := strings.Fields(string(out))
	slices.Sort(removed)
	return removed
}

// TestModulesThatNeedNoHardwareStay: with all that they depend on, wherever that is.
func TestModulesThatNeedNoHardwareStay(t *testing.T) {
	var dep strings.Builder
	for _, stays := range []string{
		"drivers/net/can/vcan", "drivers/net/can/vxcan", "drivers/net/can/slcan", "drivers/net/dummy", "drivers/net/ifb", "drivers/net/veth",
		"drivers/net/macvlan", "drivers/net/wireguard/wireguard", "drivers/net/wireless/virtual/mac80211_hwsim", "drivers/net/ppp/ppp_generic",
		"drivers/scsi/iscsi_tcp", "drivers/scsi/scsi_debug", "drivers/scsi/sd_mod", "drivers/target/loopback/tcm_loop",
		"drivers/target/iscsi/iscsi_target_mod", "drivers/nvme/host/nvme-tcp", "drivers/nvme/target/nvmet-tcp", "drivers/nvme/target/nvme-loop",
		"drivers/infiniband/sw/rxe/rdma_rxe", "drivers/infiniband/sw/siw/siw", "drivers/usb/usbip/vhci-hcd", "drivers/usb/gadget/udc/dummy_hcd",
		"drivers/input/misc/uinput", "drivers/hid/uhid", "drivers/bluetooth/hci_vhci", "drivers/nfc/nfcsim",
		"drivers/media/test-drivers/vivid/vivid", "drivers/gpu/drm/vkms/vkms", "drivers/watchdog/softdog", "drivers/i2c/i2c-stub",
		"drivers/mtd/nand/raw/nandsim", "drivers/mtd/devices/mtdram", "drivers/block/null_blk/null_blk", "drivers/md/dm-crypt",
		"sound/drivers/snd-dummy", "sound/drivers/snd-aloop", "net/can/can-raw", "net/bluetooth/bluetooth", "net/mac80211/mac80211",
		"fs/9p/9p", "crypto/af_alg", "arch/x86/kvm/kvm",
	} {
		dep.WriteString("kernel/" + stays + ".ko.xz:\n")
	}
	const needed = "kernel/drivers/mmc/core/needed.ko.xz"
	dep.WriteString(needed + ": kernel/drivers/mmc/core/deeper.ko\nkernel/drivers/mmc/core/deeper.ko:\n")
	dep.WriteString("kernel/net/core/needs.ko.xz: " + needed + " kernel/drivers/mmc/core/deeper.ko\n")
	hardware := []string{
		"kernel/drivers/gpu/drm/amd/amdgpu.ko.xz", "kernel/drivers/net/can/usb/gs_usb.ko.xz",
		"kernel/drivers/net/ethernet/intel/e1000/e1000.ko.xz",
		"kernel/drivers/scsi/aacraid/aacraid.ko", "kernel/drivers/scsi/iscsi_tcp_not.ko.xz", "kernel/sound/pci/snd-ens1370.ko.xz",
	}
	dep.WriteString(strings.Join(hardware, ": "+needed+"\n") + ":\n")
	if removed := unwanted(t, dep.String()); !slices.Equal(removed, hardware) {
		t.Errorf("removed %q, want %q", removed, hardware)
	}
}

// TestHostGatewayIsTheHost: dockerd gets the host's address unless its configuration has one: it
// refuses both.
func TestHostGatewayIsTheHost(t *testing.T) {
	script, err := guest.ReadFile("guest/rootfs/usr/lib/rdd/dockerd")
	if err != nil {
		t.Fatal(err)
	}
	unit, err := guest.ReadFile("guest/rootfs/etc/systemd/system/docker.service")
	if err != nil || !strings.Contains(string(unit), "\nExecStart=/bin/sh /usr/lib/rdd/dockerd -H fd://") {
		t.Errorf("the unit does not run the script: %v", err)
	}
	dir := t.TempDir()
	configuration, daemon := filepath.Join(dir, "daemon.json"), filepath.Join(dir, "dockerd")
	if err := os.WriteFile(daemon, []byte("#!/bin/sh\necho \"$*\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("/etc/docker/daemon.json", configuration, "/usr/sbin/dockerd", daemon).Replace(string(script))
	const given = "-H fd:// --host-gateway-ip=192.0.2.1\n"
	for content, want := range map[string]string{
		"-":                                   "--host-gateway-ip=10.0.2.2 " + given,
		`{"debug": true}`:                     "--host-gateway-ip=10.0.2.2 " + given,
		`{"host-gateway-ip": "192.0.2.1"}`:    given,
		`{"host-gateway-ips": ["192.0.2.1"]}`: given,
	} {
		if content != "-" {
			if err := os.WriteFile(configuration, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command("/bin/sh", "-c", text, "dockerd", "-H", "fd://", "--host-gateway-ip=192.0.2.1").CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%s: %q, %v", content, out, err)
		}
		_ = os.Remove(configuration)
	}
}
