// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
)

// Ensure returns the image called name and builds it first when there is none that is up to date.
// While another process builds it, Ensure waits for that process. progress may be nil; calls of it
// are serial. *UnknownNameError, *vm.HostError, *StepError.
func (s *Store) Ensure(ctx context.Context, name string, progress func(Progress)) (Image, error) {
	if err := s.announceDamage(ctx, progress); err != nil {
		return Image{}, err
	}
	image, err := s.Get(name)
	if !errors.Is(err, ErrNotFound) {
		return image, err
	}
	return s.locked(ctx, name, progress, func() (Image, error) {
		image, err := s.Get(name)
		if !errors.Is(err, ErrNotFound) {
			return image, err
		}
		return s.buildOne(ctx, name, BuildOptions{}, progress)
	})
}

// Build builds the image called name even when there is one. Where neither recipe nor packages have
// changed, the result is the same image. It returns the errors of Ensure.
func (s *Store) Build(ctx context.Context, name string, options BuildOptions, progress func(Progress)) (Image, error) {
	return s.locked(ctx, name, progress, func() (Image, error) {
		return s.buildOne(ctx, name, options, progress)
	})
}

// locked calls do while holding the build lock of a recipe.
func (s *Store) locked(ctx context.Context, name string, progress func(Progress), do func() (Image, error)) (_ Image, err error) {
	if _, err := s.builder.Revision(name); err != nil {
		return Image{}, err
	}
	if err := atomicfile.MkdirAll(filepath.Join(s.dir, logDir), 0o700); err != nil {
		return Image{}, fmt.Errorf("creating the image cache: %w", err)
	}
	path := filepath.Join(s.dir, ".build-"+name+".lock")
	lock, err := flock.Try(path)
	if errors.Is(err, flock.ErrLocked) {
		announce(progress, "waiting for another rdd that is building image "+name)
		lock, err = flock.Wait(ctx, path)
	}
	if err != nil {
		return Image{}, vm.WithKind(vm.FaultImage, fmt.Errorf("building image %s: %w", name, err))
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return do()
}

// announce reports a step whose length is unknown.
func announce(progress func(Progress), step string) {
	if progress != nil {
		progress(Progress{Step: step, Percent: -1, Since: time.Now()})
	}
}

// buildOne builds a recipe and moves the result into the cache. The build lock is held.
func (s *Store) buildOne(ctx context.Context, name string, options BuildOptions, progress func(Progress)) (_ Image, err error) {
	if err := s.removePartial(ctx, name); err != nil {
		return Image{}, err
	}
	dir, err := os.MkdirTemp(s.dir, partialPrefix+name+".")
	if err != nil {
		return Image{}, vm.WithKind(vm.FaultImage, fmt.Errorf("building image %s: %w", name, err))
	}
	// Not under ctx: the directory of a cancelled build is removed too.
	defer func() { err = errors.Join(err, s.builder.RemoveAll(context.WithoutCancel(ctx), dir)) }()
	if err := s.buildLogged(ctx, name, options, dir, progress); err != nil {
		return Image{}, vm.WithKind(vm.FaultImage, fmt.Errorf("building image %s: %w", name, err))
	}
	return s.publish(filepath.Join(dir, OutDir))
}

// buildLogged builds, and logs to a file that is kept until the next build.
func (s *Store) buildLogged(ctx context.Context, name string, options BuildOptions, dir string, progress func(Progress)) error {
	path := filepath.Join(s.dir, logDir, name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the build's log: %w", err)
	}
	err = s.builder.Build(ctx, name, options, dir, log, progress)
	var failed *StepError
	if errors.As(err, &failed) {
		failed.Log = path
	}
	return errors.Join(err, log.Close())
}

// publish moves a complete image into the cache. When the cache has the same image, the files of
// that one stay, as disks may refer to them, and it is up to date with a newer recipe.
func (s *Store) publish(out string) (Image, error) {
	manifest, err := readManifest(out)
	if err != nil {
		return Image{}, err
	}
	dir := filepath.Join(s.dir, entryName(manifest))
	if err := s.exclusively(func() error { return add(out, dir, manifest) }); err != nil {
		return Image{}, fmt.Errorf("adding image %s to the cache: %w", manifest.Name, err)
	}
	return Entry{Manifest: manifest, dir: dir}.image(manifest.KernelArgs), nil
}

// add makes the directory dir of the complete image in out, or completes it by what it lacks. Files
// of the size that they should have stay: machines may use them.
func add(out, dir string, m Manifest) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return atomicfile.Rename(out, dir)
	}
	for _, name := range m.files() {
		want, err := regular.Stat(filepath.Join(out, name))
		if err != nil {
			return err
		}
		path := filepath.Join(dir, name)
		if have, err := regular.Stat(path); err == nil && have.Size() == want.Size() {
			continue
		}
		if err := setApart(path); err != nil {
			return err
		}
		if err := atomicfile.Rename(filepath.Join(out, name), path); err != nil {
			return err
		}
	}
	return m.Write(dir)
}

// entryName is an image's directory in the cache.
func entryName(m Manifest) string {
	_, sum, _ := strings.Cut(m.Digest, ":")
	return m.Name + "-" + sum[:min(16, len(sum))]
}

// removePartial removes what killed builds of a recipe left. The build lock is held, so no build of
// it runs.
func (s *Store) removePartial(ctx context.Context, name string) error {
	stale, err := filepath.Glob(filepath.Join(s.dir, partialPrefix+name+".*"))
	if err != nil {
		return fmt.Errorf("looking for unfinished builds: %w", err)
	}
	for _, dir := range stale {
		if err := s.builder.RemoveAll(ctx, dir); err != nil {
			return err
		}
	}
	return nil
}
