// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/instance"
)

// TestEveryCommandExplainsItself walks over the whole tree.
func TestEveryCommandExplainsItself(t *testing.T) {
	tree := (&root{}).command()
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

func TestTemplateFile(t *testing.T) {
	dir := t.TempDir()
	path, empty := filepath.Join(dir, "t.yaml"), filepath.Join(dir, "empty.yaml")
	for file, text := range map[string]string{path: "cpus: 1\n", empty: ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, want, err string }{
		{"config-map", "", ""},
		{path, "cpus: 1\n", ""},
		{empty, "", "is empty"},
		{filepath.Join(dir, "none"), "", "no such file"},
		{"https://example.com/t.yaml", "", "does not download templates"},
	} {
		got, err := templateFile(tt.name)
		if string(got) != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %q, %v", tt.name, got, err)
		}
	}
}

func TestUnclaimedDirectories(t *testing.T) {
	home := t.TempDir()
	for name, record := range map[string]string{
		"rd": `{"owner":{"uid":"1","namespace":"default","name":"rd"}}`, "old": `{"owner":{"uid":"2","namespace":"work","name":"old"}}`,
		"foreign": "", "damaged": "{", ".staging": "", "_config": "",
	} {
		if err := os.Mkdir(filepath.Join(home, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if record == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(home, name, "rdd.json"), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := unclaimed(home, []limav1.LimaVM{{ObjectMeta: metav1.ObjectMeta{UID: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []unclaimedReport{{Dir: filepath.Join(home, "damaged")}, {Dir: filepath.Join(home, "foreign")}, {Dir: filepath.Join(home, "old"), Owner: "work/old"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, err := unclaimed(filepath.Join(home, "none"), nil); got != nil || err != nil {
		t.Errorf("without a directory: %v, %v", got, err)
	}
}

func TestDockerAnswers(t *testing.T) {
	dir, err := os.MkdirTemp("", "rdd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "docker.sock")
	if dockerAnswers(t.Context(), socket) {
		t.Error("a socket that does not exist answers")
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_ping" {
			w.WriteHeader(http.StatusNotFound)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	if !dockerAnswers(t.Context(), socket) {
		t.Error("a socket that answers does not")
	}
}

func TestStatusTable(t *testing.T) {
	now := time.Unix(10000, 0)
	since := metav1.NewTime(now.Add(-90 * time.Second))
	report := statusReport{
		Instance: "2",
		Daemon:   &daemonReport{PID: 7, Port: 6445, Version: "v1", Started: since},
		App:      &appReport{Wanted: "running", State: stateReport{State: "WaitingForLimaVM", Message: "booting", Since: &since}},
		VM:       &vmReport{Namespace: "default", Name: "rd", State: stateReport{State: "Starting", Message: "booting", Since: &since}, SSHPort: 40001, Accelerator: "tcg"},
		Docker:   &dockerReport{Socket: "/h/.rd2/docker.sock"},
	}
	var out strings.Builder
	if err := outputFlag("table").print(&out, report, func(w io.Writer) { report.table(w, now) }); err != nil {
		t.Fatal(err)
	}
	want := `Daemon        running for 90s (pid 7, port 6445, version v1, instance 2)
App           wanted running; WaitingForLimaVM for 90s: booting
VM            default/rd Starting for 90s: booting
SSH           127.0.0.1:40001 (rdd shell)
Accelerator   tcg
Docker        unix:///h/.rd2/docker.sock does not answer
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
