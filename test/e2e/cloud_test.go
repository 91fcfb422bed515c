// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

const cloudTemplate = `vmType: qemu
images:
- location: %[1]s/gone.qcow2
  digest: %[2]s
- location: %[1]s/cloud.qcow2
  digest: %[2]s
cpus: 2
memory: 1GiB
disk: 8GiB
mounts:
- {location: "~/from-cloud", mountPoint: /mnt/shared, writable: true}
- {location: "~", mountPoint: /mnt/home}
env: {GREETING: "it's me"}
provision:
- mode: boot
  script: |
    #!/bin/sh
    echo boot >> /var/tmp/scripts
- mode: system
  script: |
    #!/bin/sh
    echo "system $(id -un) $GREETING" >> /var/tmp/scripts
    echo system >> /mnt/shared/scripts
- mode: user
  script: |
    #!/bin/sh
    echo "user $(id -un)" >> /var/tmp/mine
probes:
- script: |
    #!/bin/sh
    grep -q system /var/tmp/scripts
`

// TestCloudImage downloads an ordinary cloud image, which boots by its own boot loader and takes
// its settings by cloud-init.
func TestCloudImage(t *testing.T) {
	requireE2E(t)
	w := newWorld(t, "")
	path, digest := cloudImage(t, w.cache)
	w.emptyCache() // downloaded by this test, whatever the cache holds
	server := serveImage(t, path)
	w.checkBadImages(server)

	file := w.template("cloud.yaml", fmt.Sprintf(cloudTemplate, server.URL, digest))
	began := time.Now()
	w.rdd("limavm", "create", "cloud", file, "--start", timeout)
	t.Logf("from nothing to a running cloud image: %.0f s", time.Since(began).Seconds())
	if asked := server.asked(); len(asked) != 2 || asked[1] == "" {
		t.Errorf("the download broke off and should go on; asked for %q", asked)
	}
	w.checkCloudGuest("boot\nsystem root it's me")
	w.checkCloudMount()

	before := w.inGuest("cat /proc/sys/kernel/random/boot_id")
	began = time.Now()
	if r := w.try(nil, "limavm", "restart", "cloud", timeout); r.code != 0 || strings.Contains(r.err, "ending the virtual machine") {
		t.Errorf("the guest did not shut down by itself: exit code %d: %s", r.code, r.err)
	}
	t.Logf("restarted in %.0f s", time.Since(began).Seconds())
	if after := w.inGuest("cat /proc/sys/kernel/random/boot_id"); after == before {
		t.Error("the guest was not booted again")
	}
	w.checkCloudGuest("boot\nsystem root it's me\nboot\nsystem root it's me")
	w.checkImageInUse(digest)

	w.rdd("limavm", "delete", "cloud", timeout)
	w.expectIn(w.rdd("image", "prune", "--all"), "Removed the image cloud-")
}

// emptyCache gives the world a cache of its own. It holds only the result of the accelerator's
// trial from the real one.
func (w *world) emptyCache() {
	w.t.Helper()
	const name = "accelerator.json"
	known, err := os.ReadFile(filepath.Join(w.inst.CacheDir, name))
	w.cache = w.t.TempDir()
	w.inst.CacheDir = filepath.Join(w.cache, "rancher-desktop")
	if err := os.Mkdir(w.inst.CacheDir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(w.inst.CacheDir, name), known, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
}

// checkBadImages makes machines of an image that does not exist, and of one with another digest.
func (w *world) checkBadImages(server *imageServer) {
	w.t.Helper()
	nothing := w.template("nothing.yaml", fmt.Sprintf("images:\n- location: %s/nothing.img\n", server.URL))
	w.rdd("limavm", "create", "nothing", nothing, "--wait=false")
	w.expectFailure("nothing", server.URL+"/nothing.img is not available: the server answers 404 Not Found")

	// Small, so that it does not take long.
	small := filepath.Join(w.home, "small.img")
	data := make([]byte, 1<<20)
	copy(data[510:], "\x55\xaa")
	if err := os.WriteFile(small, data, 0o600); err != nil {
		w.t.Fatal(err)
	}
	digest := "sha256:" + strings.Repeat("0", 64)
	wrong := w.template("wrong.yaml", fmt.Sprintf("images:\n- location: %s\n  digest: %s\n", small, digest))
	w.rdd("limavm", "create", "wrong", wrong, "--wait=false")
	w.expectFailure("wrong", "its digest is sha256:"+fileSum(w.t, small)+", the template wants "+digest)

	w.expectIn(w.rdd("image", "list"), "There are no guest images")
	w.rdd("limavm", "delete", "nothing", "wrong", timeout)
}

func (w *world) template(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.home, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *world) expectFailure(name, message string) {
	w.t.Helper()
	machine := w.await(name, func(m *limav1.LimaVM) bool {
		return reason(m, limav1.ConditionCreated) == limav1.ReasonCreateFailed
	})
	w.expectIn(condition(machine, limav1.ConditionCreated).Message, message)
}

func (w *world) inGuest(command string) string {
	w.t.Helper()
	return w.rdd("limavm", "shell", "cloud", command)
}

// cloudChecks are lines of a script for the guest, with what they must print. One login runs all of
// them: a login takes seconds.
var cloudChecks = []struct{ line, want string }{
	{"hostname", "cloud"},
	{`[ "$(tail -n 1 /var/tmp/mine)" = "user $(id -un)" ] && echo mine`, "mine"},
	{`echo "$GREETING"`, "it's me"},
	{"[ -d /sys/firmware/efi ] && echo UEFI", "UEFI"},
	{"getent passwd debian || echo no default user", "no default user"},
	{"sudo -n id -u", "0"},
	{"cat /sys/block/vdb/ro", "1"},
	{"stat -c %a /etc/ssh/ssh_host_ed25519_key", "600"},
	{"ls /etc/ssh/ssh_host_*_key | wc -l", "1"},
	{"[ $(df -B 1 --output=size / | tail -n 1) -gt 7000000000 ] && echo grown", "grown"},
	{"findmnt -n -o FSTYPE /mnt/shared | tail -n 1", "fuse.rdd"},
	{"cd /mnt/shared && umask 222 && rm -f f && truncate -s 9 f && stat -c '%a %s' f", "444 9"},
	{`[ "$(stat -c %U /mnt/shared/f /mnt/shared/scripts | sort -u)" = "$(id -un)" ] && echo owner`, "owner"},
	{"touch /mnt/home/x 2>&1 | grep -o 'Read-only.*'; cat /mnt/home/from-cloud/scripts | sort -u", "Read-only file system\nsystem"},
	{"sudo find /mnt/home -name store.db -o -name '*.sock' -o -name hostkey; ls -A /mnt/home/.rd.d >/dev/null && echo hidden", "hidden"},
	{"cloud-init status --long | sed -n 's/^extended_status: //p'", "done"},
}

// checkCloudGuest checks what cloud-init and rdd's scripts have made of the image, and what the
// template's scripts have written at each boot.
func (w *world) checkCloudGuest(scripts string) {
	w.t.Helper()
	var script, want strings.Builder
	for _, check := range cloudChecks {
		fmt.Fprintf(&script, "{ %s\n} 2>&1\n", check.line)
		fmt.Fprintln(&want, check.want)
	}
	script.WriteString("cat /var/tmp/scripts\n")
	want.WriteString(scripts)
	w.expect(w.inGuest(script.String()), want.String())
}

// checkCloudMount: the cloud image's kernel has no 9p, so its mounts are by sshfs. The next
// hostagent makes them again.
func (w *world) checkCloudMount() {
	w.t.Helper()
	file := filepath.Join(w.home, "from-cloud", "scripts")
	if text, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(text), "system\n") {
		w.t.Errorf("the host has %q, %v", text, err)
	}
	for _, p := range processesOf(w.t, w.home) {
		if strings.Contains(p.role(), "hostagent cloud") {
			w.signal(p.id, sigkill)
			w.waitEnd(p.id)
		}
	}
	w.expect(w.inGuest("until [ -e /mnt/shared/scripts ]; do sleep 0.5; done; cat /mnt/shared/scripts"), "system")
}

func (w *world) checkImageInUse(digest string) {
	w.t.Helper()
	w.expectIn(w.rdd("image", "list"), "cloud")
	if r := w.try(nil, "image", "rm", digest); r.code == 0 || !strings.Contains(r.err, "is in use by") {
		w.t.Errorf("removing the image in use: exit code %d, %s", r.code, r.err)
	}
	w.expect(w.rdd("image", "prune", "--all"), "Freed 0 MB")
}
