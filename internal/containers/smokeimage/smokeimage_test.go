// SPDX-License-Identifier: Apache-2.0

package smokeimage

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func program(t *testing.T, arch, message string) []byte {
	t.Helper()
	data, err := Program(arch, message)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestProgramIsAnELFFile(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		data := program(t, arch, Message)
		f, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", arch, err)
		}
		if f.Machine != machine || f.Type != elf.ET_EXEC || f.Class != elf.ELFCLASS64 || len(f.Progs) != 1 {
			t.Errorf("%s: got %+v", arch, f.FileHeader)
		}
		segment := f.Progs[0]
		if segment.Type != elf.PT_LOAD || segment.Filesz != uint64(len(data)) || segment.Flags != elf.PF_R|elf.PF_X {
			t.Errorf("%s: got the segment %+v of %d bytes", arch, segment.ProgHeader, len(data))
		}
		if f.Entry <= segment.Vaddr || f.Entry >= segment.Vaddr+segment.Filesz {
			t.Errorf("%s: the entry %#x is not in the segment %+v", arch, f.Entry, segment.ProgHeader)
		}
		if len(data) > 300 || !bytes.HasSuffix(data, []byte(Message)) {
			t.Errorf("%s: %d bytes: %q", arch, len(data), data)
		}
	}
}

// The code for arm64 cannot be run on every host. Its instructions are an assembler's output,
// except for the distance in adr, which is computed. That is checked here.
func TestMessageIsAtTheAddressTheCodeUses(t *testing.T) {
	text := assembleARM64(uint32(len(Message)))
	word := uint32(text[8]) | uint32(text[9])<<8 | uint32(text[10])<<16 | uint32(text[11])<<24
	distance := (word>>5&0x7ffff)<<2 | word>>29&3
	if int(distance)+8 != len(text) {
		t.Errorf("adr is at 8 and points %d bytes further; the message is at %d", distance, len(text))
	}
}

// runner returns the command that runs a program of an architecture on this host, by QEMU's user
// mode where needed; nil where that is not possible.
func runner(arch, path string) []string {
	if runtime.GOOS == "linux" && runtime.GOARCH == arch {
		return []string{path}
	}
	emulator, err := exec.LookPath(map[string]string{"amd64": "qemu-x86_64-static", "arm64": "qemu-aarch64-static"}[arch])
	if err != nil {
		return nil
	}
	return []string{emulator, path}
}

func TestProgramRuns(t *testing.T) {
	for arch := range code {
		t.Run(arch, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "proof")
			if err := os.WriteFile(path, program(t, arch, Message), 0o700); err != nil {
				t.Fatal(err)
			}
			run := runner(arch, path)
			if run == nil {
				t.Skipf("%s/%s cannot run it, and there is no qemu-user-static", runtime.GOOS, runtime.GOARCH)
			}
			out, err := exec.Command(run[0], run[1:]...).Output()
			if err != nil || string(out) != Message {
				t.Errorf("got %q, %v", out, err)
			}
			expectFailure(t, exec.Command(run[0], run[1:]...))
		})
	}
}

// expectFailure runs a program whose output cannot be written.
func expectFailure(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	cmd.Stdout = full
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("output that cannot be written: got %v, want exit code 1", err)
	}
}

func TestUnknownArchitecture(t *testing.T) {
	if _, err := Make("riscv64"); err == nil || !strings.Contains(err.Error(), "riscv64") {
		t.Errorf("got %v", err)
	}
}

func untar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestArchiveHoldsTogether(t *testing.T) {
	for _, arch := range slices.Sorted(maps.Keys(code)) {
		image, err := Make(arch)
		if err != nil {
			t.Fatal(err)
		}
		files := untar(t, image.Archive)
		var manifests []manifest
		if err := json.Unmarshal(files["manifest.json"], &manifests); err != nil || len(manifests) != 1 {
			t.Fatalf("%s: %d manifests, %v", arch, len(manifests), err)
		}
		m := manifests[0]
		var c config
		if err := json.Unmarshal(files[m.Config], &c); err != nil {
			t.Fatalf("%s: %v", arch, err)
		}
		layer := files[m.Layers[0]]
		if c.Architecture != arch || !slices.Equal(c.RootFS.DiffIDs, []string{image.Layer}) || "sha256:"+digest(layer) != image.Layer {
			t.Errorf("%s: got %+v for the layer %s", arch, c, image.Layer)
		}
		if m.Config != digest(files[m.Config])+".json" || !slices.Equal(m.RepoTags, []string{Name}) {
			t.Errorf("%s: got %+v", arch, m)
		}
		if got := untar(t, layer)[Path[1:]]; !bytes.Equal(got, program(t, arch, Message)) {
			t.Errorf("%s: the program is not in the layer: %q", arch, got)
		}
	}
}

// A change of the image needs a new tag in Name, and then new digests here.
func TestImageBelongsToItsTag(t *testing.T) {
	for arch, want := range map[string]string{
		"amd64": "f156a1211d63e98a23d28ece1d7c919057630401f4985f559eed0bc9b6e3f610",
		"arm64": "aac72b55628810698ceeaa95c56233c23a5a4abe080a96a5926a4830d0cc01e5",
	} {
		image, err := Make(arch)
		if err != nil {
			t.Fatal(err)
		}
		if got := digest(image.Archive); got != want {
			t.Errorf("%s: %s is %s, not %s", arch, Name, got, want)
		}
	}
}
