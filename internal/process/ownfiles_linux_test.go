// SPDX-License-Identifier: Apache-2.0

package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ordinaryVariable says that a test runs again, as an ordinary user.
const ordinaryVariable = "RDD_TEST_ORDINARY"

// asOrdinary runs the test again as an ordinary user when this is root, and returns whether that
// was so.
func asOrdinary(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return false
	}
	if os.Getenv(ordinaryVariable) != "" {
		t.Fatal("still root")
	}
	const nobody = 65534
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = "/", append(os.Environ(), ordinaryVariable+"=1", "TMPDIR=/tmp", "GOCOVERDIR=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	switch {
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("SKIPPED: %s", out)
	case err != nil:
		t.Fatalf("as an ordinary user: %v\n%s", err, out)
	}
	return true
}

// TestOwnFiles: modes do not keep the process from files of its own user, and from those of others
// they do.
func TestOwnFiles(t *testing.T) {
	if asOrdinary(t) {
		return
	}
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"readonly": 0o444, "none": 0} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	const line = `cd "$1" && echo x >readonly && echo x >none && echo x >closed/new && rm closed/new &&
		! cat /etc/shadow && ! echo >/etc/new && ! mount -t tmpfs none closed`
	shell := []string{"/bin/sh", "-c", line, "sh", dir}
	for name, c := range map[string]Command{
		"alone":        {Path: shell[0], Args: shell[1:]},
		"with a mount": {Path: "/proc/self/exe", Args: shell, Env: append(os.Environ(), mountsVariable+"=[]"), PrivateMounts: true},
	} {
		t.Run(name, func(t *testing.T) { runWithOwnFiles(t, c) })
	}
}

func runWithOwnFiles(t *testing.T, c Command) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c.Stdout, c.Stderr, c.OwnFiles = out, out, true
	err = RunDetached(t.Context(), c)
	if NamespaceRefused(err) {
		t.Skipf("SKIPPED: this host makes no namespaces: %v", err)
	}
	if err != nil {
		text, _ := os.ReadFile(out.Name())
		t.Errorf("%v: %s", err, text)
	}
}
