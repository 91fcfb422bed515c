// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hostagent

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/sshx"
)

// TestOwnLines: a session's variables change nothing for rdd's own lines, whatever their names.
func TestOwnLines(t *testing.T) {
	line := sshx.Clean(`echo "it's $#" | cat; cd / && pwd; echo "${f-}${PATH}"`)
	const want = "it's 0\n/\n/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
	for _, variable := range []string{"PATH=/no/where", "f=x", "HOME=/x", "CDPATH=/usr", "ENV=/x", "IFS=a"} {
		cmd := exec.Command("/bin/sh", "-c", line)
		cmd.Env = append(os.Environ(), variable)
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("%s: %s, %v", variable, out, err)
		}
	}
}

// TestProbeLine: a probe has the template's variables, and nothing else does.
func TestProbeLine(t *testing.T) {
	variables := []string{"PATH=/no/where", "TMPDIR=/no/where", "f=it's", "code=5", "PARAM_x=a b", "IFS=0"}
	for _, tc := range []struct {
		script, want string
		code         int
	}{
		{"#!/usr/bin/awk BEGIN{printf ENVIRON[\"PATH\"]\" \"ENVIRON[\"f\"]\" \"ENVIRON[\"PARAM_x\"];exit 3}\n", "/no/where it's a b", 3},
		{"#!/bin/sh\necho ${0%.*}; exit 0\n", "/tmp/rdd-probe\n", 0},
		{"#!/bin/sh\nread x; exit $?\n", "", 1},
		{"exit 20", "", 20},
	} {
		cmd := exec.Command("/bin/sh", "-c", probeLine(variables))
		cmd.Stdin, cmd.Env = strings.NewReader(tc.script), append(os.Environ(), variables...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != tc.code || string(out) != tc.want {
			t.Errorf("%q: code %d, %s", tc.script, code, out)
		}
	}
	if left, _ := os.ReadDir("/tmp"); strings.Contains(strings.Join(names(left), " "), "rdd-probe.") {
		t.Errorf("left behind: %v", names(left))
	}
}

func names(entries []os.DirEntry) []string {
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}
