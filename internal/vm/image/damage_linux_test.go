// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// damages are what may happen to a file.
func damages() map[string]func(path string) error {
	replace := func(make func(path string) error) func(string) error {
		return func(path string) error { return errors.Join(os.RemoveAll(path), make(path)) }
	}
	return map[string]func(path string) error{
		"removed":   func(path string) error { return os.RemoveAll(path) },
		"emptied":   replace(func(path string) error { return os.WriteFile(path, nil, 0o600) }),
		"garbage":   replace(func(path string) error { return os.WriteFile(path, []byte("\x00{]garbage"), 0o600) }),
		"truncated": replace(func(path string) error { return os.WriteFile(path, []byte(`{"name":"docker"`), 0o600) }),
		"a FIFO":    replace(func(path string) error { return syscall.Mkfifo(path, 0o600) }),
		"directory": replace(func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o700) }),
		"a loop":    replace(func(path string) error { return os.Symlink(path, path) }),
	}
}

func damage(t *testing.T, how func(string) error, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := how(path); err != nil {
			t.Fatal(err)
		}
	}
}

// checkSound makes sure that the image of a digest is there, alone of its name, and undamaged.
func checkSound(t *testing.T, s *Store, want Image) {
	t.Helper()
	if got, err := s.GetDigest(want.Digest); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	dir := filepath.Dir(want.Disk)
	for _, entry := range mustList(t, s) {
		if entry.dir == dir && entry.Damage != "" {
			t.Errorf("%s is damaged: %s", entry.ID(), entry.Damage)
		}
	}
	if !isIntact(dir) {
		t.Error("the manifest was not written again")
	}
}

// A damaged manifest is of no consequence: there is a second copy.
func TestDamagedManifest(t *testing.T) {
	for name, how := range damages() {
		for _, file := range []string{manifestFile, manifestCopy} {
			t.Run(file+" "+name, func(t *testing.T) {
				s := testStore(t, fakeBuild("a", epoch))
				image := mustEnsure(t, s)
				damage(t, how, filepath.Join(filepath.Dir(image.Disk), file))
				if got, err := s.Get("docker"); err != nil || !reflect.DeepEqual(got, image) {
					t.Errorf("got %+v, %v", got, err)
				}
				if err := s.Repair(t.Context()); err != nil {
					t.Error(err)
				}
				checkSound(t, s, image)
			})
		}
	}
}

// Where both copies are damaged, and in images of older rdd, which have one, the manifest is
// computed from the files.
func TestManifestIsRebuilt(t *testing.T) {
	for name, how := range damages() {
		t.Run(name, func(t *testing.T) {
			s := testStore(t, nil)
			other := mustBuild(t, s, "b", time.Hour)
			image := mustBuild(t, s, "a", 0)
			writeQCOW2(t, s, &image)
			dir := filepath.Dir(image.Disk)
			machine := mkdir(t, t.TempDir(), "rd")
			if err := s.use(dir, machine); err != nil {
				t.Fatal(err)
			}
			damage(t, how, filepath.Join(dir, manifestFile), filepath.Join(dir, manifestCopy))

			// The others go on, and this one is set apart.
			checkSound(t, s, other)
			entries := mustList(t, s)
			i := slices.IndexFunc(entries, func(e Entry) bool { return e.dir == dir })
			if i < 0 || entries[i].Damage == "" || entries[i].Current || !slices.Equal(entries[i].Users, []string{machine}) {
				t.Errorf("listed as %+v", entries)
			}
			if _, err := s.Remove(filepath.Base(dir)); !errors.As(err, new(*InUseError)) {
				t.Errorf("removing it: %v", err)
			}
			if err := s.Repair(t.Context()); err != nil {
				t.Error(err)
			}
			checkSound(t, s, image)
		})
	}
}

// writeQCOW2 gives a built image a disk that has a header, and the digest that goes with it.
func writeQCOW2(t *testing.T, s *Store, image *Image) {
	t.Helper()
	header := make([]byte, qcow2HeaderSize)
	copy(header, QCOW2Magic+"\x00\x00\x00\x03")
	if err := os.WriteFile(image.Disk, header, 0o600); err != nil {
		t.Fatal(err)
	}
	var sums []string
	for _, path := range []string{image.Disk, image.Kernel, image.Initrd} {
		sum, err := FileDigest(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
	}
	before := filepath.Dir(image.Disk)
	m, err := readManifest(before)
	if err != nil {
		t.Fatal(err)
	}
	m.Digest = BuiltDigest(sums[0], sums[1], sums[2], "quiet")
	after := filepath.Join(s.dir, entryName(m))
	if err := errors.Join(m.Write(before), os.Rename(before, after)); err != nil {
		t.Fatal(err)
	}
	*image = Entry{Manifest: m, dir: after}.image(m.KernelArgs)
}

// Files that are not those of the image do not become it by a manifest.
func TestManifestOfOtherFilesIsNotRebuilt(t *testing.T) {
	s := testStore(t, fakeBuild("a", epoch))
	image := mustEnsure(t, s)
	dir := filepath.Dir(image.Disk)
	damage(t, damages()["removed"], filepath.Join(dir, manifestFile), filepath.Join(dir, manifestCopy))
	damage(t, damages()["garbage"], image.Disk)
	if err := s.Repair(t.Context()); err != nil {
		t.Error(err)
	}
	if entries := mustList(t, s); len(entries) != 1 || entries[0].Damage == "" || strings.Contains(entries[0].Damage, "remove the") {
		t.Errorf("got %+v", entries)
	}
	if pruned, err := s.Prune(false); err != nil || len(pruned.Images) > 0 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	if pruned, err := s.Prune(true); err != nil || len(pruned.Images) != 1 {
		t.Errorf("pruned with all: %+v, %v", pruned, err)
	}
}

// An image that lost a file is made again in its place; other images and the user's records stay.
func TestLostFilesOfAnImage(t *testing.T) {
	for name, how := range damages() {
		if slices.Contains([]string{"garbage", "truncated"}, name) {
			continue // a disk of the right size is not read each time: its content is not known to be wrong
		}
		for _, file := range []string{DiskFile, KernelFile, InitrdFile} {
			t.Run(file+" "+name, func(t *testing.T) {
				s := testStore(t, fakeBuild("a", epoch))
				image := mustEnsure(t, s)
				dir, machine := filepath.Dir(image.Disk), mkdir(t, t.TempDir(), "rd")
				if err := s.use(dir, machine); err != nil {
					t.Fatal(err)
				}
				damage(t, how, filepath.Join(dir, file))
				again, err := s.Build(t.Context(), "docker", BuildOptions{}, nil)
				if err != nil || !reflect.DeepEqual(again, image) {
					t.Fatalf("got %+v, %v", again, err)
				}
				checkSound(t, s, image)
				if data, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(data) != "a" {
					t.Errorf("%s holds %q, %v", file, data, err)
				}
				if entries := mustList(t, s); len(entries) != 1 || !slices.Equal(entries[0].Users, []string{machine}) {
					t.Errorf("got %+v", entries)
				}
			})
		}
	}
}

// A record of a user that cannot be read may be that of a machine.
func TestDamagedRecordsOfUsers(t *testing.T) {
	for name, how := range damages() {
		if name == "removed" {
			continue
		}
		s := testStore(t, fakeBuild("a", epoch))
		image := mustEnsure(t, s)
		dir, machine := filepath.Dir(image.Disk), mkdir(t, t.TempDir(), "rd")
		if err := s.use(dir, machine); err != nil {
			t.Fatal(err)
		}
		record := userFile(dir, machine)
		damage(t, how, record)
		var used *InUseError
		if _, err := s.Remove("docker"); !errors.As(err, &used) || !slices.Equal(used.Users, []string{record}) {
			t.Errorf("%s: removing it: %v", name, err)
		}
		checkSound(t, s, image)
		if name == "directory" {
			continue
		}
		if err := s.Forget(machine); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Remove("docker"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What an origin says is learned again.
func TestDamagedOrigins(t *testing.T) {
	for name, how := range damages() {
		s, fetcher := fetchingStore(t)
		image, err := obtain(t, s, here)
		if err != nil {
			t.Fatal(err)
		}
		damage(t, how, filepath.Join(filepath.Dir(image.Disk), originsDir, Source{Disk: File{Location: here}}.key()))
		again, err := obtain(t, s, here)
		if err != nil || !reflect.DeepEqual(again, image) || len(fetcher.asked) != 2 {
			t.Errorf("%s: got %+v, %v; asked %d times", name, again, err, len(fetcher.asked))
		}
		if third, err := obtain(t, s, here); err != nil || third.Disk != image.Disk || fetcher.known == nil {
			t.Errorf("%s: afterwards got %+v, %v", name, third, err)
		}
	}
}

// Records of machines that are gone are removed; not while it may be that nothing is mounted there.
func TestRecordsOfUsersThatAreGone(t *testing.T) {
	s := testStore(t, fakeBuild("a", epoch))
	image := mustEnsure(t, s)
	dir, home := filepath.Dir(image.Disk), mkdir(t, t.TempDir(), "lima")
	machine := mkdir(t, home, "rd")
	record := func() bool { return !gone(userFile(dir, machine)) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.use(dir, machine))
	must(os.Remove(machine))
	if _, err := s.Prune(false); err != nil || !record() {
		t.Errorf("with no machine there: %v; the record is there: %t", err, record())
	}
	mkdir(t, home, "other")
	if _, err := s.Prune(false); err != nil || record() {
		t.Errorf("with another machine there: %v; the record is there: %t", err, record())
	}
	must(s.use(dir, mkdir(t, machine)))
	must(s.Forget(machine))
	if _, err := os.Lstat(filepath.Join(dir, usersDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of the records was left behind: %v", err)
	}
}
