// SPDX-License-Identifier: Apache-2.0

//go:build linux

package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// accounts stand for the guest's programs and its accounts, which are in files below $etc.
const accounts = `
getent() { [ "$1" = group ] && file=$etc/group || file=$etc/passwd; grep "^$2:" "$file"; }
id() { grep "^$2:" "$etc/passwd" | cut -d: -f3 | grep .; }
useradd() { echo "useradd $*" >>"$etc/calls"; echo "$user:x:$uid:$uid::$home:/bin/bash" >>"$etc/passwd"; }
usermod() { echo "usermod $*" >>"$etc/calls"; }
find() { echo "find $*" >>"$etc/calls"; }
`

// makeUser runs the boot script's function in a guest with these accounts, and returns what it
// called and the accounts that are there afterwards.
func makeUser(t *testing.T, variables, passwd, groups string) (calls, after, output string, err error) {
	t.Helper()
	etc := t.TempDir()
	if err := os.Mkdir(filepath.Join(etc, "sudoers.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, etc, "passwd", passwd)
	write(t, etc, "group", groups)
	functions, _, _ := strings.Cut(bootScript, "mkdir -p /var/lib/rdd\n")
	script := functions + accounts + variables + "\nmake_user\n"
	cmd := exec.Command("/bin/sh", "-c", "comment= login_shell= etc="+etc+"\n"+strings.ReplaceAll(script, "/etc/", etc+"/"))
	out, err := cmd.CombinedOutput()
	read := func(name string) string {
		data, _ := os.ReadFile(filepath.Join(etc, name))
		return string(data)
	}
	return read("calls"), read("passwd"), string(out), err
}

func TestMakeUser(t *testing.T) {
	const (
		system = "root:x:0:0::/root:/bin/bash\nnet:x:998:998::/:/bin/false\n"
		usual  = "useradd --create-home --home-dir /home/jan.guest --shell /bin/bash --uid "
	)
	for _, tc := range []struct{ name, variables, passwd, groups, calls, accounts string }{
		{"new", "user=jan uid=1000 home=/home/jan.guest", system, "sudo:x:27:\n", usual + "1000 --user-group --groups sudo jan\n", system},
		{"a group of the name", "user=jan uid=1000 home=/home/jan.guest", system, "docker:x:9:\nsudo:x:27:\njan:x:7:\n",
			usual + "1000 --no-user-group --gid jan --groups docker,sudo jan\n", system},
		{"no groups", "user=jan uid=501 home=/home/jan.guest", system, "", usual + "501 --user-group jan\n", system},
		{"the uid of a system account", "user=jan uid=998 home=/home/jan.guest", system, "",
			"find / -xdev -uid 998 -exec chown -h 61000 {} +\n" + usual + "998 --user-group jan\n", strings.Replace(system, ":998:", ":61000:", 1)},
		{"at the next boot", "user=net uid=998 home=/", system, "", "", system},
		{"the image's own user", "user=jan uid=1001 home=/home/jan.guest", system + "jan:x:1000:1000::/home/jan:/bin/sh\n", "",
			"usermod --uid 1001 jan\nusermod --home /home/jan.guest --move-home jan\n", system},
	} {
		calls, after, out, err := makeUser(t, tc.variables, tc.passwd, tc.groups)
		if err != nil || calls != tc.calls || !strings.HasPrefix(after, tc.accounts) {
			t.Errorf("%s: %v: %s\n got %s\nwant %s\nwith %s", tc.name, err, out, calls, tc.calls, after)
		}
	}
	calls, _, out, err := makeUser(t, "user=jan uid=1000 home=/home/jan.guest comment='J D' login_shell=/bin/sh", system, "")
	const named = "useradd --create-home --home-dir /home/jan.guest --shell /bin/bash --comment J D --uid 1000 --user-group jan\n"
	if err != nil || calls != named+"usermod --shell /bin/sh jan\n" {
		t.Errorf("with a shell: %v: %s, %s", err, out, calls)
	}
	if calls, _, _, err := makeUser(t, "user=jan uid=1000 home=/home/jan.guest login_shell=/no/zsh", system, ""); err != nil ||
		strings.Contains(calls, "zsh") {
		t.Errorf("with a shell that is not there yet: %v: %s", err, calls)
	}
	calls, _, out, err = makeUser(t, "user=net uid=1000 home=/home/net.guest", system, "")
	if err == nil || calls != "" || !strings.Contains(out, "system account named net") || !strings.Contains(out, "user.name") {
		t.Errorf("a system account of the name: %v: %s, %s", err, out, calls)
	}
}

func TestUserFor(t *testing.T) {
	for _, tc := range []struct {
		wanted template.GuestUser
		want   vmdir.User
	}{
		{template.GuestUser{}, vmdir.User{Name: "jan", UID: 501, Home: "/home/jan.guest"}},
		{template.GuestUser{Name: "joe"}, vmdir.User{Name: "joe", UID: 501, Home: "/home/joe.guest"}},
		{template.GuestUser{UID: 7, Home: "/h/{{.User}}"}, vmdir.User{Name: "jan", UID: 7, Home: "/h/jan"}},
	} {
		if got := UserFor(tc.wanted, "jan", 501); got != tc.want {
			t.Errorf("%+v: got %+v", tc.wanted, got)
		}
	}
}
