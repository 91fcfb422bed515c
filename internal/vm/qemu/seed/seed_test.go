// SPDX-License-Identifier: Apache-2.0

package seed

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/iso9660"
	"go.yaml.in/yaml/v4"

	"rancherdesktop.io/rdd/internal/vm/image"
)

func example() Config {
	return Config{
		Hostname: "dev", InstanceID: "1b4e28ba-2fa1-11d2-883f-0016d3cca427", MAC: "52:54:00:01:02:03",
		Boot: []byte("echo boot\n"), Provision: []byte(strings.Repeat("# a long script\n", 100_000)),
	}
}

// read returns the files of a seed, and its label, as a guest sees them.
func read(t *testing.T, path string) (map[string]string, string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	disk, err := iso9660.Read(file.New(f, true), 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := disk.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		content, err := disk.OpenFile(entry.Name(), os.O_RDONLY)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(data)
	}
	return files, strings.TrimRight(disk.Label(), " \x00")
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "cidata.iso")
	// What a crash left must not be in the way.
	if err := os.MkdirAll(path+".files/old", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".partial", make([]byte, 10<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Write(path, example()); err != nil {
			t.Fatal(err)
		}
		got, label := read(t, path)
		if label != "cidata" {
			t.Errorf("the label is %q", label)
		}
		want := example().files()
		if len(got) != len(want) {
			t.Errorf("%d files, want %d", len(got), len(want))
		}
		for name, text := range want {
			if got[name] != text {
				t.Errorf("%s has %d bytes, want %d", name, len(got[name]), len(text))
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// The seed carries the guest's host key.
func TestSeedIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cidata.iso")
	if err := Write(path, example()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestWriteFailsWhole(t *testing.T) {
	dir := t.TempDir()
	if err := Write(filepath.Join(dir, "none", "cidata.iso"), example()); err == nil {
		t.Error("a seed was written into a directory that does not exist")
	}
}

func TestFilesAreYAML(t *testing.T) {
	files := example().files()
	for name, path := range map[string][]string{
		"meta-data":      {"local-hostname", "dev"},
		"user-data":      {"users", "[]"},
		"network-config": {"version", "2"},
	} {
		var parsed map[string]any
		if err := yaml.Unmarshal([]byte(files[name]), &parsed); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := yaml.Marshal(parsed[path[0]])
		if err != nil || strings.TrimSpace(string(got)) != path[1] {
			t.Errorf("%s: %s is %q, %v", name, path[0], got, err)
		}
	}
	if !strings.HasPrefix(files["user-data"], "#cloud-config\n") {
		t.Error("cloud-init goes by the first line of user-data")
	}
	if !strings.Contains(files["network-config"], `"52:54:00:01:02:03"`) {
		t.Error("the network device is not named")
	}
}

// TestGuestsSayWhatTheHostReads: the host recognises a failed boot by what the guest prints on its
// console.
func TestGuestsSayWhatTheHostReads(t *testing.T) {
	if says := `echo "` + image.ConsoleScriptFailed("$name"); !strings.Contains(runScript, says) {
		t.Errorf("the script does not say %q", says)
	}
}

func TestNameServers(t *testing.T) {
	c := example()
	for want, servers := range map[string][]string{"[10.0.2.3]": nil, "[192.0.2.1, 192.0.2.2]": {"192.0.2.1", "192.0.2.2"}} {
		if c.DNS = servers; !strings.Contains(c.network(), "nameservers: {addresses: "+want+"}") {
			t.Errorf("%v: %s", servers, c.network())
		}
	}
}
