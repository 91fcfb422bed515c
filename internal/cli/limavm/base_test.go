// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// writeHome makes files below a new directory, which is the user's home for the test.
func writeHome(t *testing.T, files map[string]string) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	for name, text := range files {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func resolveFile(t *testing.T, path string, params map[string]string) (string, error) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := resolveBase(t.Context(), data, path, params)
	return string(merged), err
}

func TestResolveBase(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/t/base.yaml":
			_, _ = w.Write([]byte("base: more/disk.yaml\nmemory: 1GiB\n"))
		case "/t/more/disk.yaml":
			_, _ = w.Write([]byte("disk: 3GiB\nmemory: 2GiB\nprovision:\n- {file: run.sh}\n"))
		case "/t/more/run.sh":
			_, _ = w.Write([]byte("#!/bin/sh\necho {{.Param.who}}\n"))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	home := writeHome(t, map[string]string{
		"plain.yaml":         "# only mine\nimages: [{location: 'rdd:docker'}]\n",
		"dev.yaml":           "base:\n- ~/shared/common.yaml\n- " + server.URL + "/t/base.yaml\n- template:_default/mounts\ncpus: 1 # few\n",
		"shared/common.yaml": "images:\n- location: rdd:docker\nenv: {A: b}\n",
	})

	if got, err := resolveFile(t, filepath.Join(home, "plain.yaml"), nil); err != nil ||
		got != "# only mine\nimages: [{location: 'rdd:docker'}]\n" {
		t.Errorf("a template without bases became %q, %v", got, err)
	}
	got, err := resolveFile(t, filepath.Join(home, "dev.yaml"), map[string]string{"who": "me"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"cpus: 1 # few\n", "- location: rdd:docker\n", "env: {A: b}\n", "memory: 1GiB\n", "disk: 3GiB\n", "echo {{.Param.who}}",
		"- location: '~'",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if strings.Contains(got, "base:") {
		t.Errorf("a base is left in\n%s", got)
	}
}

func TestResolveBaseRefuses(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	home := writeHome(t, map[string]string{
		"missing.yaml":  "base: nothing.yaml\n",
		"url.yaml":      "cpus: 1\nbase: " + server.URL + "/x.yaml\n",
		"circle.yaml":   "base: ./circle.yaml\n",
		"fault.yaml":    "base: s/base.yaml\nimages: [{location: 'rdd:docker'}]\n",
		"s/base.yaml":   "cpus: many\n",
		"unparsed.yaml": "base: s/no.yaml\n",
		"s/no.yaml":     "a: b: c\n",
		"param.yaml":    "base: template:_default/mounts\nimages: [{location: 'rdd:docker'}]\n",
	})
	tests := []struct {
		file   string
		params map[string]string
		code   int
		want   string
	}{
		{
			"missing.yaml", nil, session.ExitError,
			"merging the template: reading " + home + "/nothing.yaml for field `base` (" + home +
				"/missing.yaml, line 1, column 7): no such file or directory",
		},
		{"url.yaml", nil, session.ExitError, "line 2, column 7): the server answers 404 Not Found"},
		{"circle.yaml", nil, session.ExitRefused, "which is part of this template already"},
		{
			"fault.yaml", nil, session.ExitRefused,
			"failed to validate template: field `cpus` must be an integer; got `many` (" + home + "/s/base.yaml, line 1, column 7)",
		},
		{"unparsed.yaml", nil, session.ExitRefused, "mapping values are not allowed in this context (" + home + "/s/no.yaml, line 1, column 5)"},
		{"param.yaml", map[string]string{"x": "y"}, session.ExitRefused, "field `param.x` is not a parameter of the template; it has: none"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			_, err := resolveFile(t, filepath.Join(home, tt.file), tt.params)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got error\n%v, want\n%s", err, tt.want)
			}
			if code := (&session.Session{Streams: session.Streams{Err: io.Discard}}).ExitCode(err); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
		})
	}
}

func TestResolveBaseWrapsTheCause(t *testing.T) {
	home := writeHome(t, map[string]string{"a.yaml": "base: b.yaml\n"})
	if _, err := resolveFile(t, filepath.Join(home, "a.yaml"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, which does not wrap the cause", err)
	}
}

// TestTemplateFolders: `template:NAME` is read from a folder, as a base and as the argument.
func TestTemplateFolders(t *testing.T) {
	home := writeHome(t, map[string]string{
		"own/dev.yaml": "base: template:_images/x\nmemory: 1GiB\n", "own/_images/x.yaml": "images: [{location: 'rdd:docker'}]\n",
		".lima/_templates/dev.yaml": "images: [{location: 'rdd:docker'}]\nmemory: 2GiB\n",
	})
	t.Setenv("LIMA_HOME", "")
	for path, want := range map[string]string{filepath.Join(home, "none") + ":" + filepath.Join(home, "own"): "1GiB", "": "2GiB"} {
		t.Setenv("LIMA_TEMPLATES_PATH", path)
		got, err := readTemplate(t.Context(), &session.Session{}, "template:dev", nil)
		if err != nil || !strings.Contains(string(got), "memory: "+want) || !strings.Contains(string(got), "rdd:docker") {
			t.Errorf("%q: %v: %s", path, err, got)
		}
	}
	_, err := readTemplate(t.Context(), &session.Session{}, "template:none", nil)
	if err == nil || !strings.Contains(err.Error(), "LIMA_TEMPLATES_PATH") {
		t.Errorf("got %v", err)
	}
}
