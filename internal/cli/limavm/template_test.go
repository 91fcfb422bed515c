// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
)

func TestReadTemplate(t *testing.T) {
	dir := t.TempDir()
	path, empty, large := filepath.Join(dir, "t.yaml"), filepath.Join(dir, "empty.yaml"), filepath.Join(dir, "large.yaml")
	for file, text := range map[string]string{path: "cpus: 1\n", empty: "", large: strings.Repeat("#", maxTemplate+1)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/t.yaml":
			_, _ = io.WriteString(w, "cpus: 2\n")
		case "/moved":
			http.Redirect(w, r, "/t.yaml", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for _, tt := range []struct{ name, stdin, want, err string }{
		{name: "config-map"},
		{name: "dev.yaml"}, // names of ConfigMaps may hold dots
		{name: path, want: "cpus: 1\n"},
		{name: empty, err: "reading the template " + empty + ": it is empty"},
		{name: large, err: "it is larger than 1048576 bytes"},
		{name: filepath.Join(dir, "none"), err: "no such file"},
		{name: dir + "/", err: "is a directory"},
		{name: "-", stdin: "cpus: 3\n", want: "cpus: 3\n"},
		{name: "-", err: "reading the template from standard input: it is empty"},
		{name: server.URL + "/t.yaml", want: "cpus: 2\n"},
		{name: server.URL + "/moved", want: "cpus: 2\n"},
		{name: server.URL + "/none", err: "the server answers 404"},
		{name: "http://127.0.0.1:1/t.yaml", err: "connection refused"},
		{name: "ftp://example.com/t.yaml", err: "only http and https URLs"},
		{name: "http://%zz/", err: "invalid URL escape"},
	} {
		r := &session.Session{Streams: session.Streams{In: strings.NewReader(tt.stdin)}}
		got, err := readTemplate(t.Context(), r, tt.name, nil)
		if string(got) != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %q, %v", tt.name, got, err)
		}
	}
}

func TestFileHint(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("dev.yaml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no such ConfigMap")
	if err := fileHint("dev.yaml", refused); !errors.Is(err, refused) || !strings.Contains(err.Error(), "./dev.yaml") {
		t.Errorf("got %v", err)
	}
	if err := fileHint("other", refused); err != refused { //nolint:errorlint // unchanged
		t.Errorf("got %v", err)
	}
}
