// SPDX-License-Identifier: Apache-2.0

package template

import "testing"

func TestLoadRefusesUsers(t *testing.T) {
	at := func(user string) string { return minimal + "user: {" + user + "}\n" }
	const name = "must be a name of lower-case letters, digits, `_` and `-`, and not root; got "
	testRefusals(t, []refusal{
		{"root", at("name: root"), noMachine + "field `user.name` " + name + "`root` (line 2, column 14)"},
		{"a bad name", at("name: 'a b'"), noMachine + "field `user.name` " + name + "`a b` (line 2, column 14)"},
		{
			"nobody's uid", at("uid: 65534"),
			noMachine + "field `user.uid` must be the uid of an ordinary user, such as 1000; got 65534 (line 2, column 13)",
		},
		{
			"a negative uid", at("uid: -1"),
			noMachine + "field `user.uid` must be the uid of an ordinary user, such as 1000; got -1 (line 2, column 13)",
		},
		{"a text for the uid", at("uid: x"), noMachine + "field `user.uid` must be an integer; got `x` (line 2, column 13)"},
		{
			"a comment", at("comment: 'a:b'"),
			noMachine + "field `user.comment` must not hold a colon, which ends it in /etc/passwd (line 2, column 17)",
		},
		{
			"home", at("home: x"),
			noMachine + "field `user.home` must be an absolute path, and no system directory of the guest; got `x` (line 2, column 14)",
		},
		{
			"a system directory", at("home: /home"),
			noMachine + "field `user.home` must be an absolute path, and no system directory of the guest; got `/home` (line 2, column 14)",
		},
		{
			"another expression", at("home: '/h/{{.UID}}'"),
			noMachine + "field `user.home` may have the expression {{.User}} and no other, and no colon; got `/h/{{.UID}}` (line 2, column 14)",
		},
		{
			"shell", at("shell: zsh"),
			noMachine + "field `user.shell` must be the absolute path of a program; got `zsh` (line 2, column 15)",
		},
	})
}

func TestLoadTakesUsers(t *testing.T) {
	const text = minimal + "user: {name: joe, comment: 'Joe D', home: '/home/{{.User}}.linux', shell: /bin/zsh, uid: 501}\n"
	got, err := Load([]byte(text), nil, testHost)
	if err != nil {
		t.Fatal(err)
	}
	want := GuestUser{Name: "joe", Comment: "Joe D", Home: "/home/{{.User}}.linux", Shell: "/bin/zsh", UID: 501}
	if got.User != want || got.User.HomeOf("joe") != "/home/joe.linux" {
		t.Errorf("got %+v", got.User)
	}
	roundTrip(t, got)
}
