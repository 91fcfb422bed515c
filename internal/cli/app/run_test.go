// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/instance"
)

func TestRunEnvironment(t *testing.T) {
	inst := instance.Instance{Dir: "/d", ShortDir: "/h/.rd2"}
	got := runEnvironment(
		inst, []string{"PATH=/bin", "HOME=/h", "DOCKER_HOST=tcp://x", "DOCKER_CONTEXT=other", "DOCKER_TLS_VERIFY=1", "KUBECONFIG=/x"},
	)
	want := []string{
		"HOME=/h", "DOCKER_HOST=unix:///h/.rd2/docker.sock", "KUBECONFIG=/d/kubeconfig",
		"PATH=/h/.rd2/bin" + string(os.PathListSeparator) + "/bin",
	}
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
