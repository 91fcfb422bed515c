// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// checkMounts: docker run -v "$PWD:/w" as on the host, in a directory below HOME.
func (d docker) checkMounts() {
	writeFile(d.t, filepath.Join(d.project, "note"), "from the host\n")
	d.do(
		"run", "-d", "--name", "mounted", "-v", d.project+":/w", "-v", d.home+":/home", "-v", d.socket()+":/var/run/docker.sock", "tools",
		"sleep", "100000",
	)
	d.expect(d.do("exec", "mounted", "cat", "/w/note"), "from the host")
	d.checkOwners()
	d.checkBothWays()
	d.checkHidden()
	d.do("rm", "-f", "mounted")
}

// checkOwners: an ordinary user owns what a container makes, whichever user that has. Where rdd
// runs as root, a file gets the owner that the container gives it.
func (d docker) checkOwners() {
	d.do("exec", "mounted", "sh", "-c", "umask 022; echo root >/w/byroot; mkdir /w/dir")
	d.do("exec", "-u", "1000:1000", "mounted", "sh", "-c", "umask 022; echo user >/w/byuser")
	user, root := os.Getuid(), os.Getuid()
	if root == 0 {
		user = 1000
	} else if inGuest, err := strconv.Atoi(d.rdd("shell", "id", "-u")); err != nil || inGuest != user {
		d.t.Errorf("the guest's user is %d, %v; want %d", inGuest, err, user)
	}
	for name, want := range map[string]int{"byroot": root, "dir": root, "byuser": user} {
		info, err := os.Stat(filepath.Join(d.project, name))
		if err != nil {
			d.t.Error(err)
			continue
		}
		if uid := int(info.Sys().(*syscall.Stat_t).Uid); uid != want {
			d.t.Errorf("%s belongs to %d, want %d", name, uid, want)
		}
	}
}

// checkBothWays: host and container see what the other changes while the container runs.
func (d docker) checkBothWays() {
	file := filepath.Join(d.project, "shared")
	for i := range 2 {
		writeFile(d.t, file, fmt.Sprintf("host %d\n", i))
		d.expect(d.do("exec", "mounted", "sh", "-c", fmt.Sprintf("cat /w/shared && echo container %d >>/w/shared", i)), fmt.Sprintf("host %d", i))
		if text, err := os.ReadFile(file); err != nil || string(text) != fmt.Sprintf("host %d\ncontainer %d\n", i, i) {
			d.t.Errorf("the host sees %q, %v", text, err)
		}
	}
	d.do("exec", "mounted", "sh", "-c", "mv /w/shared /w/moved && rm /w/note")
	for name, want := range map[string]bool{"shared": false, "moved": true, "note": false} {
		if _, err := os.Stat(filepath.Join(d.project, name)); (err == nil) != want {
			d.t.Errorf("%s: %v", name, err)
		}
	}
}

// checkHidden: a container that mounts the whole home finds nothing of rdd's own directories, and
// changes nothing there. The short one holds the guest's socket at the path of the host's.
func (d docker) checkHidden() {
	line, want := "", ""
	for dir, content := range map[string]string{d.inst.ShortDir: "docker.sock\n", d.inst.Dir: "", d.inst.LogDir: ""} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
			d.t.Fatalf("there is nothing to hide in %s: %v", dir, err)
		}
		line += fmt.Sprintf("ls -A %[1]s; touch %[1]s/fromguest 2>/dev/null; ", "/home"+strings.TrimPrefix(dir, d.home))
		want += content
	}
	line += "find /home -name store.db -o -name lima -o -name kubeconfig"
	d.expect(d.do("exec", "--privileged", "mounted", "sh", "-c", line), strings.TrimSpace(want))
	for _, dir := range []string{d.inst.ShortDir, d.inst.Dir, d.inst.LogDir} {
		if _, err := os.Stat(filepath.Join(dir, "fromguest")); !os.IsNotExist(err) {
			d.t.Errorf("a container has written to %s: %v", dir, err)
		}
	}
	d.do("exec", "mounted", "test", "-S", "/var/run/docker.sock")
}
