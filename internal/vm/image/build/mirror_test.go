// SPDX-License-Identifier: Apache-2.0

package build

import (
	"os"
	"path/filepath"
	"testing"
)

func TestHostMirror(t *testing.T) {
	const archive, security = "http://mirror.example.org/debian", "http://mirror.example.org/debian-security"
	tests := []struct {
		name  string
		files map[string]string
		want  mirror
	}{
		{"nothing", nil, mirror{defaultMirror, defaultSecurity}},
		{"one-line", map[string]string{
			"sources.list": "deb http://mirror.example.org/debian bookworm main\n" +
				"deb http://mirror.example.org/debian-security bookworm-security main\n",
		}, mirror{archive, security}},
		{"one-line with options, comments, sources and a slash", map[string]string{
			"sources.list": "# deb http://old.example.org/debian bookworm main\n" +
				"deb-src http://src.example.org/debian bookworm main\n" +
				"deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://mirror.example.org/debian/ trixie main contrib # ours\n",
		}, mirror{archive, defaultSecurity}},
		{"deb822 with an address in a comment", map[string]string{
			"sources.list.d/debian.sources": "Types: deb\n# http://snapshot.example.org/archive/debian/20250520T000000Z\n" +
				"URIs: http://mirror.example.org/debian\n" +
				"Suites: bookworm bookworm-updates\nComponents: main\n\n\n" +
				"Types: deb\nURIs: http://mirror.example.org/debian-security\nSuites: bookworm-security\nComponents: main\n",
		}, mirror{archive, security}},
		{"deb822 with continuation lines and odd case", map[string]string{
			"sources.list.d/debian.sources": "types: deb deb-src\nuris:\n http://mirror.example.org/debian\n# in between\n" +
				"\thttp://second.example.org/debian\nSUITES: trixie\nComponents: main",
		}, mirror{archive, defaultSecurity}},
		{"disabled and source-only stanzas", map[string]string{
			"sources.list.d/a.sources": "Enabled: no\nTypes: deb\nURIs: http://off.example.org/debian\nSuites: trixie\n" +
				"\nTypes: deb-src\nURIs: http://src.example.org/debian\nSuites: trixie\n",
			"sources.list.d/b.sources": "Types: deb\nURIs: http://mirror.example.org/debian\nSuites: stable\n",
		}, mirror{archive, defaultSecurity}},
		{"old security suite", map[string]string{
			"sources.list": "deb http://mirror.example.org/debian-security bullseye/updates main\n",
		}, mirror{defaultMirror, defaultSecurity}},
		{"Ubuntu and third parties", map[string]string{
			"sources.list.d/ubuntu.sources": "Types: deb\nURIs: http://archive.example.com/ubuntu\n" +
				"Suites: noble noble-updates\nComponents: main\n",
			"sources.list.d/tool.list": "deb https://tools.example.com/apt cloud-bookworm main\n" +
				"deb https://tools.example.com/flat ./\n",
		}, mirror{defaultMirror, defaultSecurity}},
		{"other schemes and stray files", map[string]string{
			"sources.list":                "deb cdrom:[Debian]/ bookworm main\ndeb file:/srv/debian bookworm main\ndeb\n",
			"sources.list.d/debian.save":  "deb http://old.example.org/debian bookworm main\n",
			"sources.list.d/debian.list~": "deb http://old.example.org/debian bookworm main\n",
		}, mirror{defaultMirror, defaultSecurity}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range test.files {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := hostMirror(dir)
			if err != nil || got != test.want {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestExplicitMirror(t *testing.T) {
	tests := []struct {
		url  string
		want mirror
		fail bool
	}{
		{url: "http://mirror.example.org/debian/", want: mirror{
			"http://mirror.example.org/debian", "http://mirror.example.org/debian-security",
		}},
		{url: "https://mirror.example.org/archive", want: mirror{"https://mirror.example.org/archive", defaultSecurity}},
		{url: "mirror.example.org/debian", fail: true},
		{url: "ftp://mirror.example.org/debian", fail: true},
		{url: "http://mirror.example.org/debian trixie main", fail: true},
		{url: "http://", fail: true},
		{url: "http://[::1/debian", fail: true},
	}
	for _, test := range tests {
		got, err := explicitMirror(test.url)
		if (err != nil) != test.fail || got != test.want {
			t.Errorf("%q: got %v, %v, want %v", test.url, got, err, test.want)
		}
	}
}
