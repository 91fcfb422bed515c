// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
)

// fakeBuilder is a Builder of the image "docker" whose builds are the function's.
type fakeBuilder struct{ build buildFunc }

type buildFunc func(ctx context.Context, dir string, log io.Writer) error

const fakeRevision = "fedcba9876543210"

func (*fakeBuilder) Names() []string { return []string{"docker"} }

func (*fakeBuilder) Revision(name string) (string, error) {
	if name != "docker" {
		return "", &UnknownNameError{Name: name, Known: []string{"docker"}}
	}
	return fakeRevision, nil
}

func (b *fakeBuilder) KernelArgs(name string) (string, error) {
	_, err := b.Revision(name)
	return "quiet", err
}

func (b *fakeBuilder) Build(ctx context.Context, _ string, _ BuildOptions, dir string, log io.Writer, _ func(Progress)) error {
	return b.build(ctx, dir, log)
}

func (*fakeBuilder) RemoveAll(_ context.Context, dir string) error { return os.RemoveAll(dir) }

// testStore is a store whose builds are the function's.
func testStore(t *testing.T, build buildFunc) *Store {
	t.Helper()
	return &Store{dir: filepath.Join(t.TempDir(), "images"), arch: "amd64", builder: &fakeBuilder{build}}
}

// fakeBuild writes an image whose identity is content, made at created.
func fakeBuild(content string, created time.Time) buildFunc {
	return func(_ context.Context, dir string, log io.Writer) error {
		out := filepath.Join(dir, OutDir)
		if err := os.Mkdir(out, 0o755); err != nil {
			return err
		}
		for _, name := range []string{DiskFile, KernelFile, InitrdFile} {
			if err := os.WriteFile(filepath.Join(out, name), []byte(content), 0o600); err != nil {
				return err
			}
		}
		fmt.Fprintln(log, "built", content)
		sum := sha256.Sum256([]byte(content))
		file := "sha256:" + hex.EncodeToString(sum[:])
		return Manifest{
			Name: "docker", Digest: BuiltDigest(file, file, file, "quiet"), Recipe: fakeRevision, Architecture: "amd64", Created: created,
			KernelArgs: "quiet",
		}.Write(out)
	}
}

var epoch = time.Unix(1754697600, 0).UTC()

func mustEnsure(t *testing.T, s *Store) Image {
	t.Helper()
	image, err := s.Ensure(t.Context(), "docker", nil)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func mustBuild(t *testing.T, s *Store, content string, age time.Duration) Image {
	t.Helper()
	s.builder = &fakeBuilder{fakeBuild(content, epoch.Add(-age))}
	image, err := s.Build(t.Context(), "docker", BuildOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestEnsureBuildsOnce(t *testing.T) {
	builds := 0
	s := testStore(t, func(ctx context.Context, dir string, log io.Writer) error {
		builds++
		return fakeBuild("a", epoch)(ctx, dir, log)
	})
	if _, err := s.Get("docker"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v before any build, want ErrNotFound", err)
	}
	first, second := mustEnsure(t, s), mustEnsure(t, s)
	if builds != 1 || !reflect.DeepEqual(first, second) {
		t.Errorf("%d builds gave %v and %v", builds, first, second)
	}
	for _, path := range []string{first.Disk, first.Kernel, first.Initrd} {
		if _, err := os.Stat(path); err != nil || !filepath.IsAbs(path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if found, err := s.GetDigest(first.Digest); err != nil || !reflect.DeepEqual(found, first) {
		t.Errorf("by digest: got %v, %v", found, err)
	}
	checkNoPartial(t, s)
}

func checkNoPartial(t *testing.T, s *Store) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.dir, partialPrefix+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestUnknownName(t *testing.T) {
	s := testStore(t, nil)
	var unknown *UnknownNameError
	if _, err := s.Ensure(t.Context(), "../etc", nil); !errors.As(err, &unknown) {
		t.Errorf("got %v, want an UnknownNameError", err)
	}
	if exists(s.dir) {
		t.Error("asking for an unknown image made the cache")
	}
}

// An image of another recipe revision, such as an older rdd made, is outdated: Ensure builds a
// new one beside it.
func TestOutdatedImage(t *testing.T) {
	s := testStore(t, fakeBuild("new", epoch))
	old := mustBuild(t, s, "old", time.Hour)
	manifest, err := readManifest(filepath.Dir(old.Disk))
	if err != nil {
		t.Fatal(err)
	}
	manifest.Recipe = "0123456789abcdef"
	if err := manifest.Write(filepath.Dir(old.Disk)); err != nil {
		t.Fatal(err)
	}
	s.builder = &fakeBuilder{fakeBuild("new", epoch)}
	if image := mustEnsure(t, s); image.Digest == old.Digest {
		t.Error("Ensure returned an outdated image")
	}
	if found, err := s.GetDigest(old.Digest); err != nil || !reflect.DeepEqual(found, old) {
		t.Errorf("the old image is needed by its machines: got %v, %v", found, err)
	}
	entries := mustList(t, s)
	if len(entries) != 2 || !entries[0].Current || entries[0].Outdated || entries[1].Current || !entries[1].Outdated {
		t.Errorf("unexpected list %+v", entries)
	}
}

func mustList(t *testing.T, s *Store) []Entry {
	t.Helper()
	entries, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestBuildOfTheSameContentIsTheSameImage(t *testing.T) {
	s := testStore(t, nil)
	first := mustBuild(t, s, "a", time.Hour)
	second := mustBuild(t, s, "a", 0)
	if !reflect.DeepEqual(first, second) {
		t.Errorf("got %v and %v", first, second)
	}
	if entries := mustList(t, s); len(entries) != 1 || !entries[0].Created.Equal(epoch) {
		t.Errorf("got %+v, want one image with the time of the last build", entries)
	}
	checkNoPartial(t, s)
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	broken := &StepError{Doing: "installing Debian packages", Output: "E: no luck", Err: errors.New("exit status 1")}
	missing := &vm.HostError{Missing: "mmdebstrap", Hint: "sudo apt-get install mmdebstrap"}
	for _, failure := range []error{broken, missing, context.Canceled} {
		s := testStore(t, func(_ context.Context, dir string, log io.Writer) error {
			fmt.Fprintln(log, "all of it")
			return errors.Join(os.MkdirAll(filepath.Join(dir, "tree", "etc"), 0o755), failure)
		})
		_, err := s.Ensure(t.Context(), "docker", nil)
		if !errors.Is(err, failure) {
			t.Errorf("got %v, want %v", err, failure)
		}
		if entries := mustList(t, s); len(entries) != 0 {
			t.Errorf("a failed build became an image: %+v", entries)
		}
		checkNoPartial(t, s)
		s.builder = &fakeBuilder{fakeBuild("a", epoch)}
		mustEnsure(t, s)
	}
}

func TestFailedBuildNamesItsLog(t *testing.T) {
	s := testStore(t, func(_ context.Context, _ string, log io.Writer) error {
		fmt.Fprintln(log, "all of it")
		return &StepError{Doing: "installing Debian packages", Output: "E: no luck", Err: errors.New("exit status 1")}
	})
	_, err := s.Ensure(t.Context(), "docker", nil)
	var failed *StepError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "E: no luck") || !strings.Contains(err.Error(), failed.Log) {
		t.Fatalf("got %v, want a StepError that shows its output and its log", err)
	}
	if data, err := os.ReadFile(failed.Log); err != nil || string(data) != "all of it\n" {
		t.Errorf("the log: got %q, %v", data, err)
	}
}

// A build that was killed leaves its directory. It is no image, and the next build removes it.
func TestKilledBuildIsClearedAway(t *testing.T) {
	s := testStore(t, fakeBuild("a", epoch))
	for _, name := range []string{"out", "tree"} {
		if err := os.MkdirAll(filepath.Join(s.dir, partialPrefix+"docker.123", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// The worst moment: complete, but not yet renamed.
	if err := fakeBuild("b", epoch)(t.Context(), mkdir(t, s.dir, partialPrefix+"docker.456"), io.Discard); err != nil {
		t.Fatal(err)
	}
	other := mkdir(t, s.dir, partialPrefix+"docker-other.1")
	if entries := mustList(t, s); len(entries) != 0 {
		t.Errorf("a partial build is listed: %+v", entries)
	}
	mustEnsure(t, s)
	if entries := mustList(t, s); len(entries) != 1 {
		t.Errorf("got %+v, want one image", entries)
	}
	if !exists(other) {
		t.Error("the directory of another recipe's build was removed")
	}
	left, err := filepath.Glob(filepath.Join(s.dir, partialPrefix+"docker.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func mkdir(t *testing.T, elem ...string) string {
	t.Helper()
	dir := filepath.Join(elem...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The second of two builds waits, reports that, and takes what the first has built.
func TestTwoBuildsWaitForOneAnother(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	var builds sync.Map
	s := testStore(t, func(ctx context.Context, dir string, log io.Writer) error {
		builds.Store(dir, true)
		close(started)
		<-release
		return fakeBuild("a", epoch)(ctx, dir, log)
	})
	type result struct {
		image Image
		err   error
	}
	results := make(chan result, 2)
	ensure := func(progress func(Progress)) {
		image, err := s.Ensure(t.Context(), "docker", progress)
		results <- result{image, err}
	}
	go ensure(nil)
	<-started
	waiting := make(chan Progress, 1)
	go ensure(func(p Progress) { waiting <- p })
	if p := <-waiting; !strings.Contains(p.Step, "waiting for another rdd") || p.Percent != -1 {
		t.Errorf("unexpected progress %+v", p)
	}
	close(release)
	first, second := <-results, <-results
	if first.err != nil || second.err != nil || !reflect.DeepEqual(first.image, second.image) {
		t.Errorf("got %+v and %+v", first, second)
	}
	count := 0
	builds.Range(func(any, any) bool { count++; return true })
	if count != 1 {
		t.Errorf("built %d times", count)
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	s := testStore(t, nil)
	mkdir(t, s.dir)
	lock, err := flock.Try(filepath.Join(s.dir, ".build-docker.lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lock.Unlock(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.Ensure(ctx, "docker", func(Progress) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestUseKeepsAnImage(t *testing.T) {
	s := testStore(t, nil)
	image := mustBuild(t, s, "a", 0)
	machine := mkdir(t, t.TempDir(), "rd")
	if err := s.use(filepath.Dir(image.Disk), machine); err != nil {
		t.Fatal(err)
	}
	var used *InUseError
	if _, err := s.Remove("docker"); !errors.As(err, &used) || !slices.Equal(used.Users, []string{machine}) {
		t.Fatalf("got %v, want an InUseError that names %s", err, machine)
	}
	if pruned, err := s.Prune(true); err != nil || len(pruned.Images) != 0 {
		t.Errorf("prune removed %+v, %v", pruned, err)
	}
	if err := os.RemoveAll(machine); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove("docker"); err != nil {
		t.Errorf("the machine is gone: %v", err)
	}
	to := Placement{From: image.Disk, To: filepath.Join(mkdir(t, machine), "basedisk")}
	if _, err := s.Place(t.Context(), machine, []Placement{to}, false); !errors.Is(err, ErrNotFound) {
		t.Errorf("using a removed image: got %v, want ErrNotFound", err)
	}
	checkNoPartial(t, s)
}

// A machine that is made again from a newer image no longer needs the older one.
func TestUseMovesOn(t *testing.T) {
	s := testStore(t, nil)
	older, newer := mustBuild(t, s, "a", time.Hour), mustBuild(t, s, "b", 0)
	machine := mkdir(t, t.TempDir(), "rd")
	for _, image := range []Image{older, newer, newer} {
		if err := s.use(filepath.Dir(image.Disk), machine); err != nil {
			t.Fatal(err)
		}
	}
	pruned, err := s.Prune(false)
	if removed := pruned.Images; err != nil || len(removed) != 1 || removed[0].Digest != older.Digest {
		t.Errorf("got %+v, %v, want the older image removed", removed, err)
	}
}

func TestRemoveByReference(t *testing.T) {
	s := testStore(t, nil)
	if _, err := s.Remove("docker"); !errors.Is(err, ErrNotFound) {
		t.Errorf("without a cache: got %v, want ErrNotFound", err)
	}
	older, newer := mustBuild(t, s, "a", time.Hour), mustBuild(t, s, "b", 0)
	if current, err := s.Get("docker"); err != nil || !reflect.DeepEqual(current, newer) {
		t.Errorf("got %v, %v, want the newer image", current, err)
	}
	if _, err := s.Remove("docker"); err == nil || !strings.Contains(err.Error(), filepath.Base(filepath.Dir(older.Disk))) {
		t.Errorf("an ambiguous name: got %v", err)
	}
	for _, reference := range []string{older.Digest, filepath.Base(filepath.Dir(newer.Disk))} {
		if _, err := s.Remove(reference); err != nil {
			t.Errorf("%s: %v", reference, err)
		}
	}
	if entries := mustList(t, s); len(entries) != 0 {
		t.Errorf("left: %+v", entries)
	}
	for _, reference := range []string{"..", "", storeLock, logDir} {
		if _, err := s.Remove(reference); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: got %v, want ErrNotFound", reference, err)
		}
	}
}
