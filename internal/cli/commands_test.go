// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
)

// TestEveryCommandExplainsItself walks over the whole tree.
func TestEveryCommandExplainsItself(t *testing.T) {
	tree := (&program{session: &session.Session{}}).command()
	if n := walkCommands(tree, func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no short help", cmd.CommandPath())
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if cmd.Example != "" && !strings.Contains(cmd.Example, "rdd") {
			t.Errorf("the example of %s does not show rdd: %q", cmd.CommandPath(), cmd.Example)
		}
	}); n < 10 {
		t.Errorf("only %d commands were looked at", n)
	}
}

// walkCommands visits the visible commands of rdd's own; kubectl's tree explains itself.
func walkCommands(cmd *cobra.Command, visit func(*cobra.Command)) int {
	n := 0
	for _, child := range cmd.Commands() {
		if child.Hidden || child.Name() == "kubectl" || child.Name() == "ctl" {
			continue
		}
		visit(child)
		n += 1 + walkCommands(child, visit)
	}
	return n
}

func TestRunEnvironment(t *testing.T) {
	inst := instance.Instance{Dir: "/d", ShortDir: "/h/.rd2"}
	got := runEnvironment(inst, []string{"PATH=/bin", "HOME=/h", "DOCKER_HOST=tcp://x", "DOCKER_CONTEXT=other", "DOCKER_TLS_VERIFY=1", "KUBECONFIG=/x"})
	want := []string{"HOME=/h", "DOCKER_HOST=unix:///h/.rd2/docker.sock", "KUBECONFIG=/d/kubeconfig", "PATH=/h/.rd2/bin" + string(os.PathListSeparator) + "/bin"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := runEnvironment(inst, nil); !slices.Contains(got, "PATH=/h/.rd2/bin") {
		t.Errorf("without PATH: %q", got)
	}
}

func TestFindProgramPrefersTheInstance(t *testing.T) {
	inst := instance.Instance{ShortDir: t.TempDir()}
	own := filepath.Join(inst.BinDir(), "sh")
	if err := os.MkdirAll(inst.BinDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := findProgram(inst, "sh"); err != nil || got != own {
		t.Errorf("got %s, %v, want %s", got, err, own)
	}
	t.Setenv("PATH", inst.BinDir())
	if _, err := findProgram(inst, "docker"); err == nil || !strings.Contains(err.Error(), "sudo apt-get install docker-cli") {
		t.Errorf("without docker: %v", err)
	}
}

func TestGuestCommand(t *testing.T) {
	for _, tt := range []struct {
		args []string
		line string
		each []string
	}{
		{nil, "", nil},
		{[]string{"cd /tmp && ls"}, "cd /tmp && ls", nil},
		{[]string{"echo", "a  b"}, "", []string{"echo", "a  b"}},
	} {
		if got := guestCommand(tt.args); got.Line != tt.line || !reflect.DeepEqual(got.Args, tt.each) {
			t.Errorf("%q gives line %q and args %q", tt.args, got.Line, got.Args)
		}
	}
}
