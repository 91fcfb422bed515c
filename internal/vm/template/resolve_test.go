// SPDX-License-Identifier: Apache-2.0

package template

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// files are what a test's Reader finds, by locator.
type files map[string]string

var errNoFile = errors.New("there is no such file")

func (f files) read(_ context.Context, locator string) ([]byte, error) {
	text, ok := f[locator]
	if !ok {
		return nil, errNoFile
	}
	return []byte(text), nil
}

func (f files) resolve(origin string) (*Document, bool, error) {
	document, err := Parse([]byte(f[origin]), origin)
	if err != nil {
		return nil, false, err
	}
	changed, err := document.Resolve(context.Background(), f.read)
	return document, changed, err
}

func TestResolve(t *testing.T) {
	tests := []struct {
		name  string
		files files
		want  string
	}{
		{"nothing to do", files{"/t/a.yaml": "cpus: 1"}, "cpus: 1"},
		{"a file beside it", files{"/t/a.yaml": "base: b.yaml\ncpus: 1", "/t/b.yaml": "cpus: 2\ndisk: 3"}, "cpus: 1\ndisk: 3"},
		{
			"a list", files{"/t/a.yaml": "base: [./b.yaml, {url: c.yaml}]", "/t/b.yaml": "cpus: 2", "/t/c.yaml": "cpus: 3\ndisk: 4"},
			"cpus: 2\ndisk: 4",
		},
		{
			"above and below",
			files{
				"/t/a.yaml": "base: ../b.yaml", "/b.yaml": "base: s/c.yaml\ncpus: 1", "/s/c.yaml": "base: d.yaml\ncpus: 2", "/s/d.yaml": "disk: 9",
			},
			"cpus: 1\ndisk: 9",
		},
		{
			"absolute",
			files{"/t/a.yaml": "base: [/b.yaml, 'file:///c.yaml', ~/d.yaml]", "/b.yaml": "cpus: 1", "/c.yaml": "disk: 2", "~/d.yaml": "memory: 3"},
			"cpus: 1\ndisk: 2\nmemory: 3",
		},
		{
			"URL",
			files{
				"/t/a.yaml": "base: https://x.example/y/z.yaml", "https://x.example/y/z.yaml": "base: ../w.yaml\ncpus: 1",
				"https://x.example/w.yaml": "disk: 2",
			},
			"cpus: 1\ndisk: 2",
		},
		{
			"built in", files{"/t/a.yaml": "base: [b.yaml]\nmounts: [{location: /x}]", "/t/b.yaml": "base: template:_default/mounts\ncpus: 1"},
			"mounts: [{location: /x}, {location: '~'}]\ncpus: 1",
		},
		{
			"home writable over built in", files{"/t/a.yaml": "base: template:_default/mounts\nmounts: [{location: '~', writable: true}]"},
			"mounts: [{location: '~', writable: true}]",
		},
		{
			"provision of all",
			files{
				"/t/a.yaml": "base: [b.yaml, c.yaml]\nprovision: [{script: a}]", "/t/b.yaml": "base: d.yaml\nprovision: [{script: b}]",
				"/t/c.yaml": "provision: [{script: c}]", "/t/d.yaml": "provision: [{script: d}]",
			},
			"provision: [{script: c}, {script: d}, {script: b}, {script: a}]",
		},
		{
			"scripts",
			files{
				"/t/a.yaml": "base: s/b.yaml\nprovision:\n- mode: user\n  file: run.sh\n", "/t/run.sh": "a\nb\n",
				"/t/s/b.yaml": "probes:\n- file: {url: p.sh}\n  hint: x\n", "/t/s/p.sh": "p\n",
			},
			"provision:\n- mode: user\n  script: |\n    a\n    b\nprobes:\n- hint: x\n  script: |\n    p\n",
		},
		{
			"data", files{"/t/a.yaml": "provision: [{mode: data, path: /x, content: , file: c.txt}, {file: }]", "/t/c.txt": "text"},
			"provision:\n- {mode: data, path: /x, content: text}\n- {file: }",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			document, changed, err := tt.files.resolve("/t/a.yaml")
			if err != nil {
				t.Fatal(err)
			}
			data, err := document.YAML()
			if err != nil {
				t.Fatal(err)
			}
			got := merged(t, string(data))
			if normal(got) != normal(merged(t, tt.want)) {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
			if changed != (tt.name != "nothing to do") {
				t.Errorf("changed = %v", changed)
			}
		})
	}
}

// normal takes out what YAML may write in several ways.
func normal(text string) string {
	tokens := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \n-{}[],|'\"", r) })
	return strings.Join(tokens, " ")
}

func TestResolveRefuses(t *testing.T) {
	const at = "failed to validate template: field `base` "
	chain := files{}
	for i := range maxBaseDepth + 2 {
		chain[fmt.Sprintf("/t/%d.yaml", i)] = fmt.Sprintf("base: %d.yaml", i+1)
	}
	chain["/t/a.yaml"] = "base: 0.yaml"
	broad := files{"/t/a.yaml": "base: ["}
	for i := range maxBases + 1 {
		broad[fmt.Sprintf("/t/%d.yaml", i)] = "cpus: 1"
		broad["/t/a.yaml"] += fmt.Sprintf("%d.yaml, ", i)
	}
	broad["/t/a.yaml"] += "]"
	tests := []struct {
		name  string
		files files
		want  string
	}{
		{
			"missing", files{"/t/a.yaml": "base: b.yaml"}, "reading /t/b.yaml for field `base` (/t/a.yaml, line 1, column 7): there is no such file",
		},
		{
			"itself", files{"/t/a.yaml": "base: a.yaml"},
			at + "names /t/a.yaml, which is part of this template already: bases must not form a circle, and each is named once (/t/a.yaml, line " +
				"1, column 7)",
		},
		{
			"a circle", files{"/t/a.yaml": "base: b.yaml", "/t/b.yaml": "cpus: 1\nbase: ../t/a.yaml"},
			at + "names /t/a.yaml, which is part of this template already: bases must not form a circle, and each is named once (/t/b.yaml, line " +
				"2, column 7)",
		},
		{
			"twice", files{"/t/a.yaml": "base: [b.yaml, ./b.yaml]", "/t/b.yaml": "cpus: 1"},
			"failed to validate template: field `base[1]` names /t/b.yaml, which is part of this template already: bases must not form a circle, " +
				"and each is named once (/t/a.yaml, line 1, column 16)",
		},
		{"deep", chain, at + "is too much: at most 10 templates may build on one another, and 64 be merged (/t/9.yaml, line 1, column 7)"},
		{"broad", broad, "is too much: at most 10 templates may build on one another, and 64 be merged (/t/a.yaml, line 1, column"},
		{
			"no YAML", files{"/t/a.yaml": "base: b.yaml", "/t/b.yaml": "cpus: 1\na: b: c"},
			"failed to parse template: mapping values are not allowed in this context (/t/b.yaml, line 2, column 5)",
		},
		{
			"scheme", files{"/t/a.yaml": "base: ftp://x/y"},
			at + "must be a file, or an http or https URL; got `ftp://x/y` (/t/a.yaml, line 1, column 7)",
		},
		{
			"image list", files{"/t/a.yaml": "base: b.yaml", "/t/b.yaml": "base: template:_images/x"},
			at + "names an image list of Lima's (`template:_images/x`), which is not part of rdd: leave it out and give `images`, such as `- " +
				"location: rdd:docker` or the URL of a cloud image (/t/b.yaml, line 1, column 7)",
		},
		{
			"the host's file from a URL", files{"/t/a.yaml": "base: https://x/y", "https://x/y": "base: /etc/passwd"},
			at + "must be a relative path or a URL in a template that comes from one; got `/etc/passwd` (https://x/y, line 1, column 7)",
		},
		{
			"home from a URL", files{"/t/a.yaml": "base: https://x/y", "https://x/y": "provision: [{file: ~/.ssh/id}]"},
			"failed to validate template: field `provision[0].file` must be a relative path or a URL in a template that comes from one; got " +
				"`~/.ssh/id` (https://x/y, line 1, column 20)",
		},
		{
			"file URL from a URL", files{"/t/a.yaml": "base: https://x/y", "https://x/y": "base: file:///etc/passwd"},
			at + "must be a relative path or a URL in a template that comes from one; got `file:///etc/passwd` (https://x/y, line 1, column 7)",
		},
		{
			"script and file", files{"/t/a.yaml": "provision: [{script: x, file: y}]"},
			"failed to validate template: field `provision[0].file` must not be given beside `script` (/t/a.yaml, line 1, column 31)",
		},
		{
			"script missing", files{"/t/a.yaml": "provision: [{file: y}]"},
			"reading /t/y for field `provision[0].file` (/t/a.yaml, line 1, column 20): there is no such file",
		},
		{
			"script that is no text", files{"/t/a.yaml": "probes: [{file: y}]", "/t/y": "\xff"},
			"reading /t/y for field `probes[0].file` (/t/a.yaml, line 1, column 17): it is not UTF-8 text: byte 0xff (line 1, column 1)",
		},
		{
			"Lima's script", files{"/t/a.yaml": "probes: [{file: 'template:x.sh'}]"},
			"failed to validate template: field `probes[0].file` names a script of Lima's (`template:x.sh`), which is not part of rdd: save it to " +
				"a file and name that (/t/a.yaml, line 1, column 17)",
		},
		{
			"file that is a list", files{"/t/a.yaml": "probes: [{file: [x]}]"},
			"failed to validate template: field `probes[0].file` must be text; got a list (/t/a.yaml, line 1, column 17)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := tt.files.resolve("/t/a.yaml")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error\n%v, want\n%s", err, tt.want)
			}
		})
	}
}

func TestResolveWithoutOrigin(t *testing.T) {
	_, _, err := files{"": "base: b.yaml"}.resolve("")
	if want := "field `base` is a relative path (`b.yaml`), and where the template comes from there is nothing it could be relative to: " +
		"save the template to a file (line 1, column 7)"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, _, err := (files{"": "base: [/b.yaml, 'http://x/y']", "/b.yaml": "a: 1", "http://x/y": "b: 2"}).resolve(""); err != nil {
		t.Error(err)
	}
}

func TestResolveNamesWhatCouldNotBeRead(t *testing.T) {
	_, _, err := files{"/t/a.yaml": "base: b.yaml"}.resolve("/t/a.yaml")
	if !errors.Is(err, errNoFile) {
		t.Errorf("got %v, which does not wrap the cause", err)
	}
}

// TestResolvedDocumentsNameTheirFiles checks that an error in a merged template names the file it
// is in.
func TestResolvedDocumentsNameTheirFiles(t *testing.T) {
	tests := []struct{ name, upper, base, want string }{
		{
			"in the base", "base: b.yaml\n" + minimal, "disk: 3GiB\ncpus: many\n",
			"field `cpus` must be an integer; got `many` (/t/b.yaml, line 2, column 7)",
		},
		{"in the upper", "base: b.yaml\ncpus: many\n", minimal, "field `cpus` must be an integer; got `many` (/t/a.yaml, line 2, column 7)"},
		{
			"in a list of both", "base: b.yaml\n" + minimal + "provision:\n- {mode: x, script: y}\n", "provision:\n- {script: z}\n",
			"field `provision[1].mode` must be one of system, user, boot, data, dependency, yq; got `x` (/t/a.yaml, line 4, column 10)",
		},
		{
			"between them", "base: b.yaml\n" + minimal + "mounts: [{location: /a, mountPoint: /m}]\n",
			"mounts: [{location: '{{if .Name}}/m{{end}}'}]\n",
			"field `mounts[1].mountPoint` must not be `/m`, which mounts[0] has already (/t/b.yaml, line 1, column 10)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			document, _, err := files{"/t/a.yaml": tt.upper, "/t/b.yaml": tt.base}.resolve("/t/a.yaml")
			if err != nil {
				t.Fatal(err)
			}
			_, err = document.Load(nil, testHost)
			if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("got error\n%v, want\n%s", err, tt.want)
			}
		})
	}
}

// TestResolvedDocumentsLoad checks that the written document says what the merged one does.
func TestResolvedDocumentsLoad(t *testing.T) {
	document, _, err := files{
		"/t/a.yaml": "base: [b.yaml, template:_default/mounts]\nprovision: [{file: x.sh}]\n",
		"/t/b.yaml": minimal + "env: {A: \"1\"}\ncpus: null\nmessage: 'null'\n", "/t/x.sh": "#!/bin/sh\necho \"tab\there\" \t\n\n",
	}.resolve("/t/a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := document.YAML()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(data, nil, testHost)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	if direct, err := document.Load(nil, testHost); err != nil || !reflect.DeepEqual(direct, got) {
		t.Errorf("the document itself gives %+v, %v; written and read %+v", direct, err, got)
	}
	if got.Provision[0].Script != "#!/bin/sh\necho \"tab\there\" \t\n\n" || len(got.Mounts) != 1 ||
		!slices.Equal(got.ArchImages(), got.Images) {
		t.Errorf("got %+v from\n%s", got, data)
	}
}

// TestResolveFromFolders: `template:NAME` is the first file of that name in the folders, and what
// is relative in it stays in its folder.
func TestResolveFromFolders(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(first, "both.yaml"):             "cpus: 1",
		filepath.Join(second, "both.yaml"):            "cpus: 2",
		filepath.Join(second, "_images", "x.yaml"):    minimal,
		filepath.Join(second, "deep.yaml"):            "base: [template:_images/x, near.yaml]",
		filepath.Join(second, "near.yaml"):            "disk: 3GiB\nprovision: [{file: 'template:run.sh'}]",
		filepath.Join(second, "run.sh"):               "true",
		filepath.Join(second, "_default/mounts.yaml"): "cpus: 7",
		filepath.Join(second, "..", "out.yaml"):       "cpus: 8",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(_ context.Context, locator string) ([]byte, error) { return os.ReadFile(locator) }
	for _, tc := range []struct{ base, origin, want, err string }{
		{"template:both", "", "cpus: 1", ""},
		{"template://both.yaml", "https://example.com/a.yaml", "cpus: 1", ""},
		{"template:deep", "/t/a.yaml", "images: [{location: 'rdd:docker'}]\ndisk: 3GiB\nprovision: [{script: \"true\"}]", ""},
		{"template:_default/mounts", "", "mounts:\n- location: '~'", ""},
		{"template:none", "", "", "names a template of Lima's (`template:none`)"},
		{"template:../out", "", "", "names a template of Lima's (`template:../out`)"},
		{"template:_images/none", "", "", "names an image list of Lima's"},
		{"template:/etc/passwd", "", "", "names a template of Lima's"},
	} {
		document, err := Parse([]byte("base: "+tc.base+"\n"), tc.origin)
		if err != nil {
			t.Fatal(err)
		}
		_, err = document.Resolve(t.Context(), read, first, filepath.Join(first, "none"), second)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: got %v", tc.base, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.base, err)
			continue
		}
		sameYAML(t, string(mustYAML(t, document)), tc.want)
	}
}
