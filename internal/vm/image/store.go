// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
)

// ErrNotFound says that the cache holds no usable image of a name.
var ErrNotFound = errors.New("image not found")

// Names in the cache that are not images. A build's directory begins with
// partialPrefix and the recipe's name; it is stale when nobody holds the recipe's build lock.
const (
	partialPrefix = ".partial-"
	storeLock     = ".lock"
	logDir        = "logs"
)

// Image is an image in the cache. Its files never change.
type Image struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	// Disk, Kernel and Initrd are absolute paths. One that was built has all of them, and one ext4 file system on its disk; one that
	// was fetched has a kernel only if its source names one, and else a boot loader on its disk.
	Disk   string `json:"disk"`
	Kernel string `json:"kernel,omitempty"`
	Initrd string `json:"initrd,omitempty"`
	// Format of Disk: FormatQCOW2 or FormatRaw.
	Format string `json:"format"`
	// KernelArgs are what the image needs on the kernel's command line.
	KernelArgs string `json:"kernelArgs,omitempty"`
	// Parts of an image that was fetched; nil: rdd built it.
	Parts map[string]Part `json:"parts,omitempty"`
}

// Store is the cache of images in one directory. Any number of processes may use it at once.
type Store struct {
	dir     string
	arch    string
	build   buildFunc
	fetcher fetcher
}

// buildFunc builds a recipe in an empty directory and leaves the image's files in its directory "out".
type buildFunc func(ctx context.Context, recipe Recipe, options BuildOptions, dir string, log io.Writer, report *reporter) error

// NewStore makes the store of the images in dir, which need not exist yet.
func NewStore(dir string) *Store {
	return &Store{dir: dir, arch: runtime.GOARCH, build: build, fetcher: newFetcher()}
}

// Names returns the names of the images that can be built on this host.
func (s *Store) Names() []string { return recipeNames(recipes(s.arch)) }

// Get returns the newest image of a name that is up to date with its recipe. ErrNotFound,
// *UnknownNameError.
func (s *Store) Get(name string) (Image, error) {
	recipe, err := findRecipe(name, s.arch)
	if err != nil {
		return Image{}, err
	}
	entries, err := s.List()
	if err != nil {
		return Image{}, err
	}
	for _, entry := range entries {
		if entry.Name == recipe.Name && entry.Current && !entry.fetched() {
			return entry.image(entry.KernelArgs), nil
		}
	}
	return Image{}, fmt.Errorf("image %s: %w", name, ErrNotFound)
}

// GetDigest returns the very image that a machine was made from, up to date or not. ErrNotFound.
func (s *Store) GetDigest(digest string) (Image, error) {
	entries, err := s.List()
	if err != nil {
		return Image{}, err
	}
	for _, entry := range entries {
		if entry.Digest == digest {
			return entry.image(entry.KernelArgs), nil
		}
	}
	return Image{}, fmt.Errorf("image %s: %w", digest, ErrNotFound)
}

// Kernel returns the kernel and the initrd of an image that was built, if there is one: any will do to try out a host.
func (s *Store) Kernel() (kernel, initrd string, err error) {
	entries, err := s.List()
	if err != nil {
		return "", "", err
	}
	for _, entry := range entries {
		if !entry.fetched() {
			image := entry.image(entry.KernelArgs)
			return image.Kernel, image.Initrd, nil
		}
	}
	return "", "", nil
}

// Ensure returns the image called name and builds it first when there is none that is up to
// date. While another process builds it, Ensure waits for that. progress may be nil; calls
// of it are serial. *UnknownNameError, *vm.HostError, *StepError.
func (s *Store) Ensure(ctx context.Context, name string, progress func(Progress)) (Image, error) {
	image, err := s.Get(name)
	if !errors.Is(err, ErrNotFound) {
		return image, err
	}
	return s.locked(ctx, name, progress, func(recipe Recipe, report *reporter) (Image, error) {
		image, err := s.Get(name)
		if !errors.Is(err, ErrNotFound) {
			return image, err
		}
		return s.buildOne(ctx, recipe, BuildOptions{}, report)
	})
}

// Build builds the image called name even when there is one. Where nothing has changed it is the same image.
func (s *Store) Build(ctx context.Context, name string, options BuildOptions, progress func(Progress)) (Image, error) {
	return s.locked(ctx, name, progress, func(recipe Recipe, report *reporter) (Image, error) {
		return s.buildOne(ctx, recipe, options, report)
	})
}

// locked calls do while holding the build lock of a recipe.
func (s *Store) locked(ctx context.Context, name string, progress func(Progress), do func(Recipe, *reporter) (Image, error)) (_ Image, err error) {
	recipe, err := findRecipe(name, s.arch)
	if err != nil {
		return Image{}, err
	}
	if err := os.MkdirAll(filepath.Join(s.dir, logDir), 0o700); err != nil {
		return Image{}, fmt.Errorf("creating the image cache: %w", err)
	}
	report := newReporter(name, progress)
	path := filepath.Join(s.dir, ".build-"+name+".lock")
	lock, err := flock.Try(path)
	if errors.Is(err, flock.ErrLocked) {
		report.waiting()
		lock, err = flock.Wait(ctx, path)
	}
	if err != nil {
		return Image{}, vm.WithKind(vm.FaultImage, fmt.Errorf("building image %s: %w", name, err))
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return do(recipe, report)
}

// buildOne builds a recipe and moves the result into the cache. The build lock is held.
func (s *Store) buildOne(ctx context.Context, recipe Recipe, options BuildOptions, report *reporter) (_ Image, err error) {
	if err := s.removePartial(ctx, recipe.Name); err != nil {
		return Image{}, err
	}
	dir, err := os.MkdirTemp(s.dir, partialPrefix+recipe.Name+".")
	if err != nil {
		return Image{}, vm.WithKind(vm.FaultImage, fmt.Errorf("building image %s: %w", recipe.Name, err))
	}
	// Not under ctx: a cancelled build is cleared away too.
	defer func() { err = errors.Join(err, removeTree(context.WithoutCancel(ctx), dir)) }()
	if err := s.buildLogged(ctx, recipe, options, dir, report); err != nil {
		return Image{}, vm.WithKind(vm.FaultImage, fmt.Errorf("building image %s: %w", recipe.Name, err))
	}
	return s.publish(filepath.Join(dir, "out"))
}

// buildLogged builds with a log that is kept until the next build.
func (s *Store) buildLogged(ctx context.Context, recipe Recipe, options BuildOptions, dir string, report *reporter) error {
	path := filepath.Join(s.dir, logDir, recipe.Name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the build's log: %w", err)
	}
	err = s.build(ctx, recipe, options, dir, log, report)
	var failed *StepError
	if errors.As(err, &failed) {
		failed.Log = path
	}
	return errors.Join(err, log.Close())
}

// publish moves a complete image into the cache. When the same image is there, that one stays.
func (s *Store) publish(out string) (Image, error) {
	manifest, err := readManifest(out)
	if err != nil {
		return Image{}, err
	}
	entry := entryName(manifest)
	err = s.exclusively(func() error {
		if exists(filepath.Join(s.dir, entry, manifestFile)) {
			return s.refresh(entry, manifest)
		}
		return atomicfile.Rename(out, filepath.Join(s.dir, entry))
	})
	if err != nil {
		return Image{}, fmt.Errorf("adding image %s to the cache: %w", manifest.Name, err)
	}
	return Entry{Manifest: manifest, dir: filepath.Join(s.dir, entry)}.image(manifest.KernelArgs), nil
}

// refresh gives an image that was built again, and came out the same, its newer manifest.
func (s *Store) refresh(entry string, manifest Manifest) error {
	return writeJSON(filepath.Join(s.dir, entry, manifestFile), manifest)
}

// entryName is an image's directory in the cache.
func entryName(m Manifest) string {
	_, sum, _ := strings.Cut(m.Digest, ":")
	return m.Name + "-" + sum[:min(16, len(sum))]
}

// removePartial removes what dead builds of a recipe left. The build lock is held, so none of them lives.
func (s *Store) removePartial(ctx context.Context, name string) error {
	stale, err := filepath.Glob(filepath.Join(s.dir, partialPrefix+name+".*"))
	if err != nil {
		return fmt.Errorf("looking for unfinished builds: %w", err)
	}
	for _, dir := range stale {
		if err := removeTree(ctx, dir); err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes a build's directory. A tree made by an ordinary user belongs to
// the user's subordinate ids: only a sandbox can remove it.
func removeTree(ctx context.Context, dir string) error {
	err := atomicfile.RemoveAll(dir)
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	box, boxErr := newSandbox()
	if boxErr != nil {
		return errors.Join(err, boxErr)
	}
	var output strings.Builder
	if err := box.run(ctx, filepath.Dir(dir), &output, "rm", "-rf", "--one-file-system", dir); err != nil {
		return fmt.Errorf("removing an unfinished build: %w: %s", err, strings.TrimSpace(output.String()))
	}
	return nil
}

// exclusively calls do while no other process adds, uses or removes images. do must be quick.
func (s *Store) exclusively(do func() error) (err error) {
	lock, err := flock.Wait(context.Background(), filepath.Join(s.dir, storeLock))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return do()
}

// Entry is an image in the cache with what is known of it.
type Entry struct {
	Manifest
	// Current says that a new machine would be made from this image: the newest of its name that is up to date, or the one that a location
	// led to when it was last looked at.
	Current bool `json:"current"`
	// Outdated says that it was built from another recipe than this rdd's.
	Outdated bool `json:"outdated"`
	// Size is the space its files take, in bytes.
	Size int64 `json:"size"`
	// Users are the directories of the machines whose disks refer to it.
	Users []string `json:"users,omitempty"`
	dir   string
}

// ID is the name of the image's directory: unique in the cache.
func (e Entry) ID() string { return filepath.Base(e.dir) }

// Location is where a fetched image came from, or the name by which templates have a built one made.
func (e Entry) Location() string {
	if e.fetched() {
		return e.Parts[partDisk].Location
	}
	return Scheme + e.Name
}

func (e Entry) image(kernelArgs string) Image {
	image := Image{Name: e.Name, Digest: e.Digest, KernelArgs: kernelArgs, Format: e.format(), Parts: e.Parts}
	for _, name := range e.files() {
		path := filepath.Join(e.dir, name)
		switch name {
		case kernelFile:
			image.Kernel = path
		case initrdFile:
			image.Initrd = path
		default:
			image.Disk = path
		}
	}
	return image
}

// List returns all images in the cache: by name, newest first.
func (s *Store) List() ([]Entry, error) {
	manifests, err := filepath.Glob(filepath.Join(s.dir, "*", manifestFile))
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	var entries []Entry
	for _, path := range manifests {
		if strings.HasPrefix(filepath.Base(filepath.Dir(path)), ".") {
			continue
		}
		entry, err := readEntry(filepath.Dir(path))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed since
		}
		if err != nil {
			return nil, fmt.Errorf("listing images: %w; to cure it, remove the directory %s", err, filepath.Dir(path))
		}
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, compareEntries)
	return entries, s.judge(entries)
}

func compareEntries(a, b Entry) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	if c := b.Created.Compare(a.Created); c != 0 {
		return c
	}
	return strings.Compare(a.Digest, b.Digest)
}

// judge sets Current and Outdated of sorted entries.
func (s *Store) judge(entries []Entry) error {
	revisions := map[string]string{}
	for _, recipe := range recipes(s.arch) {
		revision, err := recipe.Revision()
		if err != nil {
			return err
		}
		revisions[recipe.Name] = revision
	}
	found := map[string]bool{}
	for i := range entries {
		e := &entries[i]
		if e.fetched() {
			e.Current = hasOrigin(e.dir)
			continue
		}
		e.Outdated = e.Recipe != revisions[e.Name] || e.Architecture != s.arch
		e.Current = !e.Outdated && !found[e.Name]
		found[e.Name] = found[e.Name] || e.Current
	}
	return nil
}

func readEntry(dir string) (Entry, error) {
	manifest, err := readManifest(dir)
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Manifest: manifest, dir: dir}
	if entry.Users, err = readUsers(dir); err != nil {
		return Entry{}, err
	}
	for _, name := range manifest.files() {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return Entry{}, fmt.Errorf("looking at an image: %w", err)
		}
		entry.Size += info.Size()
	}
	return entry, nil
}

func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return atomicfile.Write(path, append(data, '\n'), 0o644)
}
