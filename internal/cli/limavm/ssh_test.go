// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"os/exec"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// TestTunnelIsAnnouncedBySSH: it prints the line once it listens.
func TestTunnelIsAnnouncedBySSH(t *testing.T) {
	const want = "A SOCKS proxy into LimaVM \"dev\" is socks5h://127.0.0.1:1080. Ctrl-C ends it.\n"
	for _, arg := range tunnelArgs(vm.SSH{ConfigFile: "/c", Host: "dev"}, "dev", 1080) {
		if line, is := strings.CutPrefix(arg, "LocalCommand="); is {
			var stderr strings.Builder
			cmd := exec.Command("/bin/sh", "-c", line)
			cmd.Stderr = &stderr
			if err := cmd.Run(); err != nil || stderr.String() != want || strings.Contains(line, "%") {
				t.Errorf("%s: %v, %q", line, err, stderr.String())
			}
			return
		}
	}
	t.Error("ssh prints nothing")
}

func TestSSHText(t *testing.T) {
	const config = "Host dev\n  HostName 127.0.0.1\n  Port 40022\n  IdentityFile \"/home/a b/user\"\n  BatchMode yes\n"
	for format, want := range map[string]string{
		"cmd":     `ssh -o HostName=127.0.0.1 -o Port=40022 -o 'IdentityFile="/home/a b/user"' -o BatchMode=yes dev`,
		"args":    `-o HostName=127.0.0.1 -o Port=40022 -o 'IdentityFile="/home/a b/user"' -o BatchMode=yes`,
		"options": "HostName=127.0.0.1\nPort=40022\nIdentityFile=\"/home/a b/user\"\nBatchMode=yes",
		"config":  "Host dev\n  HostName 127.0.0.1\n  Port 40022\n  IdentityFile \"/home/a b/user\"\n  BatchMode yes",
	} {
		if got := sshText(format, config, "dev"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", format, got, want)
		}
	}
}

func TestQuoteWord(t *testing.T) {
	for word, want := range map[string]string{"Port=1": "Port=1", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "$x": "'$x'"} {
		if got := quoteWord(word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}
