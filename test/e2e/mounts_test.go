// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// oddName needs correct quoting, and is not ASCII.
const oddName = "odd 'name', ünï $HOME"

// withMounts adds mounts to the template: the whole home, read-only, and directories in it.
func withMounts(t *testing.T, w *world, template string) string {
	t.Helper()
	shared, odd := filepath.Join(w.home, "shared"), filepath.Join(w.home, oddName)
	for _, dir := range []string{shared, odd} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Where these tests run as root, the guest's user is another one on the host.
	for dir, mode := range map[string]os.FileMode{w.home: 0o711, shared: 0o777} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(w.home, "note"), "from the host\n")
	writeFile(t, filepath.Join(w.home, oddName, oddName), "odd\n")
	return template + `mounts:
- {location: "{{.Home}}/shared", writable: true}
- {location: "~"}
- {location: "~/` + oddName + `", mountPoint: "/mnt/` + oddName + `"}
- {location: "~/made/by rdd", writable: true}
`
}

// writeFile writes a file that every user may write to, in the guest too.
func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
}

// checkMounts checks the machine's mounts from the guest and from the host.
func checkMounts(fx effects) {
	for _, part := range []struct {
		name  string
		check func(effects)
	}{
		{"places", checkMountPlaces},
		{"read-only", checkReadOnlyMount},
		{"own directories", checkOwnDirectoriesHidden},
		{"links", checkLinksLeadNowhere},
		{"changes", checkChangesBothWays},
		{"owners", checkMountOwners},
		{"many files", checkManyFiles},
		{"semantics", checkFileSemantics},
		{"kill", checkMountOutlivesRdd},
	} {
		fx.t.Run(part.name, fx.with(func(inner *world) {
			fx := fx
			fx.world = inner
			part.check(fx)
		}))
	}
}

// shared is a path in the writable mount, which is the same on both sides.
func (fx effects) shared(name string) string { return filepath.Join(fx.home, "shared", name) }

// fails runs a line in the guest that must not succeed.
func (fx effects) fails(line, message string) {
	fx.t.Helper()
	if r := fx.try(nil, "limavm", "shell", effectsVM, line); r.code == 0 || !strings.Contains(r.err, message) {
		fx.t.Errorf("%s: exit code %d, %q; want a failure with %q", line, r.code, r.err, message)
	}
}

func checkMountPlaces(fx effects) {
	fx.expect(fx.in("cat "+fx.home+"/note"), "from the host")
	fx.expect(fx.in(`cd "/mnt/`+strings.ReplaceAll(oddName, "$", `\$`)+`" && cat *`), "odd")
	fx.expect(fx.in("cd '"+fx.home+"/made/by rdd' && sudo touch it && ls"), "it")
	if _, err := os.Stat(filepath.Join(fx.home, "made", "by rdd", "it")); err != nil {
		fx.t.Errorf("the location that rdd made: %v", err)
	}
}

// checkReadOnlyMount: not even the guest's root writes where the template does not say so, whatever
// it mounts.
func checkReadOnlyMount(fx effects) {
	const message = "Read-only file system"
	note := filepath.Join(fx.home, "note")
	for _, line := range []string{
		"sudo touch " + note, "sudo rm " + note, "sudo mkdir " + fx.home + "/new", "sudo mv " + note + " " + fx.home + "/other",
	} {
		fx.fails(line, message)
	}
	fx.fails("sudo mount -o remount,rw "+fx.home+" && sudo touch "+note, message)
	fx.fails("cd / && sudo umount -l "+fx.home+"/shared && sudo umount -l '"+fx.home+"/made/by rdd' && sudo umount "+fx.home+
		" && sudo mount -t 9p -o trans=virtio,version=9p2000.L mount1 "+fx.home+" && sudo sh -c 'echo no >>"+note+"'", message)
	fx.in("sudo mount -t 9p -o trans=virtio,version=9p2000.L,cache=mmap,directio mount0 " + fx.home + "/shared")
	if text, err := os.ReadFile(note); err != nil || string(text) != "from the host\n" {
		fx.t.Errorf("the host's file holds %q: %v", text, err)
	}
}

// checkOwnDirectoriesHidden: the guest's root sees nothing in rdd's directories, though it can read
// all around them.
func checkOwnDirectoriesHidden(fx effects) {
	if _, err := os.Stat(vmdir.In(fx.inst.LimaHome(), effectsVM).UserKey()); err != nil {
		fx.t.Fatalf("there is nothing to hide: %v", err)
	}
	for _, dir := range []string{fx.inst.ShortDir, fx.inst.Dir, fx.inst.LogDir} {
		fx.expect(fx.in("sudo ls -A "+dir), "")
		fx.fails("sudo touch "+dir+"/x", "Read-only file system")
	}
	fx.expect(fx.in("sudo find "+fx.home+" -name "+filepath.Base(vmdir.In("", "").UserKey())+" -o -name store.db -o -name '*.sock'"), "")
	fx.expectIn(fx.in("sudo ls -A "+filepath.Dir(fx.inst.Dir)), filepath.Base(fx.inst.Dir))
	fx.checkLaterDirectoriesHidden()
}

// checkLaterDirectoriesHidden: what the host makes, removes and renames while the guest runs stays
// hidden, too: a new instance, a file in a directory that was made again, and a link.
func (fx effects) checkLaterDirectoriesHidden() {
	const name, late = "hidden-from-guests", "late"
	fx.rdd("--instance", late, "service", "create")
	logs := fx.real(fx.inst.LogDir)
	for _, step := range []error{os.Rename(logs, logs+"-old"), os.Mkdir(logs, 0o700), os.Remove(fx.inst.LogDir)} {
		if step != nil {
			fx.t.Fatal(step)
		}
	}
	fx.rdd("service", "status") // restores the link
	for _, dir := range []string{fx.inst.LogDir, fx.inst.ShortDir, filepath.Join(fx.home, ".rd"+late)} {
		writeFile(fx.t, filepath.Join(dir, name), "secret\n")
	}
	fx.expect(fx.in("sudo find "+fx.home+" -name "+name), "")
	fx.fails("sudo cat "+filepath.Join(fx.inst.LogDir, name), "No such file")
	if err := errors.Join(os.Remove(filepath.Join(fx.inst.ShortDir, name)), os.RemoveAll(logs), os.Rename(logs+"-old", logs)); err != nil {
		fx.t.Fatal(err)
	}
	fx.expect(fx.in("sudo find "+fx.home+" -name rdd.log"), "")
	fx.rdd("--instance", late, "service", "delete")
}

// checkLinksLeadNowhere: a symbolic link is resolved by the side that follows it. One out of a
// mount gives no access to the host.
func checkLinksLeadNowhere(fx effects) {
	outside := fx.t.TempDir()
	writeFile(fx.t, filepath.Join(outside, "secret"), "secret")
	for name, target := range map[string]string{
		"out": outside, "own": fx.inst.ShortDir, "up": "../../../../../.." + outside, "name": "/proc/sys/kernel/hostname",
	} {
		if err := os.Symlink(target, fx.shared(name)); err != nil {
			fx.t.Fatal(err)
		}
	}
	fx.fails("sudo cat "+fx.shared("out/secret"), "No such file")
	fx.fails("sudo cat "+fx.shared("up/secret"), "No such file")
	fx.expect(fx.in("sudo ls -A "+fx.shared("own")+"/"), "")
	fx.expect(fx.in("readlink "+fx.shared("out")), outside)
	fx.expect(fx.in("cat "+fx.shared("name")), effectsVM)
	fx.in("ln -s " + outside + " " + fx.shared("made"))
	fx.fails("sudo ls "+fx.shared("made")+"/", "No such file")
	if target, err := os.Readlink(fx.shared("made")); err != nil || target != outside {
		fx.t.Errorf("a link that the guest made leads to %q: %v", target, err)
	}
}

// checkChangesBothWays: each side sees at once what the other does, also in a file that stays open.
func checkChangesBothWays(fx effects) {
	file := fx.shared(oddName)
	quoted := `"` + strings.ReplaceAll(file, "$", `\$`) + `"`
	writeFile(fx.t, file, "one\n")
	fx.expect(fx.in("cat "+quoted), "one")
	writeFile(fx.t, file, "two\n")
	fx.expect(fx.in("cat "+quoted+" && echo three >>"+quoted), "two")
	if text, err := os.ReadFile(file); err != nil || string(text) != "two\nthree\n" {
		fx.t.Errorf("the host sees %q, %v", text, err)
	}
	// The guest keeps both files open and goes on when the host has written.
	line := fmt.Sprintf(
		"exec 3<%s 4>%s; cat <&3; echo open >&4; until [ -e %s ]; do sleep 0.1; done; cat <&3", quoted, fx.shared("log"), fx.shared("go"),
	)
	output := make(chan string, 1)
	go func() {
		r, err := fx.exec(nil, "limavm", "shell", effectsVM, line)
		output <- fmt.Sprintf("%s%v", r.out, err)
	}()
	fx.awaitFile(fx.shared("log"), func(text string) bool { return text == "open\n" })
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		fx.t.Fatal(err)
	}
	if _, err := f.WriteString("four\n"); err != nil {
		fx.t.Error(err)
	}
	if err := f.Close(); err != nil {
		fx.t.Error(err)
	}
	writeFile(fx.t, fx.shared("go"), "")
	fx.expect(<-output, "two\nthree\nfour\n<nil>")

	if err := os.Rename(fx.shared("go"), fx.shared("gone")); err != nil {
		fx.t.Fatal(err)
	}
	fx.fails("cat "+fx.shared("go"), "No such file")
	fx.in("sudo rm " + fx.shared("gone"))
	if _, err := os.Stat(fx.shared("gone")); !os.IsNotExist(err) {
		fx.t.Errorf("the host still sees what the guest removed: %v", err)
	}
}

// awaitFile waits until the host sees a file with the wanted text.
func (fx effects) awaitFile(path string, wanted func(string) bool) {
	fx.t.Helper()
	deadline := time.Now().Add(waitTimeout)
	for {
		text, err := os.ReadFile(path)
		if err == nil && wanted(string(text)) {
			return
		}
		if time.Now().After(deadline) {
			fx.t.Fatalf("%s holds %q, %v", path, text, err)
		}
		<-time.After(100 * time.Millisecond)
	}
}

// checkMountOwners: an ordinary user owns what the guest makes, whichever user of the guest makes
// it. Where rdd runs as root, files get the owner that the guest gives them.
func checkMountOwners(fx effects) {
	user, root := os.Getuid(), os.Getuid()
	if root == 0 {
		var err error
		if user, err = strconv.Atoi(fx.in("id -u")); err != nil {
			fx.t.Fatal(err)
		}
	}
	fx.in(
		"umask 022; cd " + fx.shared("") + " && echo '#!/bin/sh\necho ran' >tool && chmod 0755 tool && sudo touch byroot && mkdir dir && touch " +
			"dir/file && chmod 0600 dir/file",
	)
	for name, want := range map[string]struct {
		uid  int
		mode fs.FileMode
	}{"tool": {user, 0o755}, "byroot": {root, 0o644}, "dir": {user, fs.ModeDir | 0o755}, "dir/file": {user, 0o600}} {
		info, err := os.Stat(fx.shared(name))
		if err != nil {
			fx.t.Error(err)
			continue
		}
		if uid := int(info.Sys().(*syscall.Stat_t).Uid); uid != want.uid || info.Mode() != want.mode {
			fx.t.Errorf("%s belongs to %d with mode %s; want %d, %s", name, uid, info.Mode(), want.uid, want.mode)
		}
	}
	fx.expect(fx.in(fx.shared("tool")), "ran")
	fx.expect(fx.in("stat -c %U "+fx.shared("tool")), fx.in("id -un"))
	if err := os.Chmod(fx.shared("tool"), 0o644); err != nil {
		fx.t.Fatal(err)
	}
	fx.fails(fx.shared("tool"), "ermission denied")
}

// manyFiles is a number of small files.
const manyFiles = 500

func checkManyFiles(fx effects) {
	fx.in(fmt.Sprintf("mkdir %[1]s && cd %[1]s && for i in $(seq %[2]d); do echo guest $i >$i; done", fx.shared("many"), manyFiles))
	for i := 1; i <= manyFiles; i++ {
		name := filepath.Join(fx.shared("many"), strconv.Itoa(i))
		if text, err := os.ReadFile(name); err != nil || string(text) != fmt.Sprintf("guest %d\n", i) {
			fx.t.Fatalf("%s: %q, %v", name, text, err)
		}
		writeFile(fx.t, fx.shared("many/h"+strconv.Itoa(i)), fmt.Sprintf("host %d\n", i))
	}
	fx.expect(
		fx.in("cd "+fx.shared("many")+" && ls | wc -l && cat h* | sort -u | grep -c '^host' && rm -r ../many"),
		fmt.Sprintf("%d\n%d", 2*manyFiles, manyFiles),
	)
	if _, err := os.Stat(fx.shared("many")); !os.IsNotExist(err) {
		fx.t.Errorf("the host still sees what the guest removed: %v", err)
	}
}

// checkMountOutlivesRdd kills the daemon and the hostagent: the guest goes on reading and writing
// its mounts.
func checkMountOutlivesRdd(fx effects) {
	guest := fx.guest()
	fx.in("nohup sh -c 'i=0; while [ ! -e " + fx.shared("stop") + " ]; do i=$((i+1)); cat " + fx.home + "/note >/dev/null && echo $i >" +
		fx.shared("ticks") +
		"; sleep 0.2; done' >/dev/null 2>&1 &")
	ticks := func(after int) (last int) {
		fx.awaitFile(fx.shared("ticks"), func(text string) bool {
			last, _ = strconv.Atoi(strings.TrimSpace(text))
			return last > after
		})
		return last
	}
	ticks(0)
	for _, role := range []string{"service serve", "hostagent " + effectsVM} {
		for _, p := range processesOf(fx.t, fx.home) {
			if strings.Contains(p.role(), role) {
				fx.signal(p.id, sigkill)
				fx.waitEnd(p.id)
			}
		}
	}
	last := ticks(0)
	ticks(ticks(last + 1))
	fx.expect(fx.in("cat "+fx.home+"/note"), "from the host")
	if now := fx.guest(); now != guest {
		fx.t.Errorf("the guest %+v became %+v", guest, now)
	}
	writeFile(fx.t, fx.shared("stop"), "")
}
