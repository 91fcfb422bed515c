// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/test/filecalls"
)

// imageContent is what each file of an image holds.
var imageContent = strings.Repeat("image", 1000)

// durably is a build as the real builder's: what it has made is synced.
func durably(build buildFunc) buildFunc {
	return func(ctx context.Context, dir string, log io.Writer) error {
		out := filepath.Join(dir, OutDir)
		err := build(ctx, dir, log)
		for _, name := range []string{DiskFile, KernelFile, InitrdFile} {
			err = errors.Join(err, atomicfile.Sync(filepath.Join(out, name)))
		}
		return errors.Join(err, atomicfile.SyncDir(out))
	}
}

// cached is what a power cut leaves of an image's life in the cache: it is built, and removed.
func cached(t *testing.T, build buildFunc) (*filecalls.Layer, filecalls.Cuts, error) {
	t.Helper()
	s := testStore(t, build)
	l, err := filecalls.New(filepath.Dir(s.dir))
	if err != nil {
		t.Fatal(err)
	}
	filecalls.Skip(t, l.Run(func() {
		if _, err = s.Ensure(context.Background(), "docker", nil); err != nil {
			return
		}
		l.Note("built")
		l.Note("removing")
		if _, err = s.Remove("docker"); err == nil {
			l.Note("removed")
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	cuts, err := l.EachCut(checkCache)
	return l, cuts, err
}

func checkCache(state filecalls.State) error {
	s := &Store{dir: filepath.Join(state.Dir, "images"), arch: "amd64", builder: &fakeBuilder{durably(fakeBuild(imageContent, epoch))}}
	image, err := s.Get("docker")
	switch {
	case errors.Is(err, ErrNotFound) && state.Noted("built") && !state.Noted("removing"):
		return errors.New("the image is lost")
	case err == nil && state.Noted("removed"):
		return errors.New("the image is there again")
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	case err == nil:
		for _, path := range []string{image.Disk, image.Kernel, image.Initrd} {
			if data, err := os.ReadFile(path); string(data) != imageContent {
				return fmt.Errorf("%s has %d bytes: %w", path, len(data), err)
			}
		}
	}
	if _, err := s.Ensure(context.Background(), "docker", nil); err != nil {
		return fmt.Errorf("building it afterwards: %w", err)
	}
	return nil
}

// TestPowerCuts plays a power cut after each call by which an image is put into the cache, and
// removed: it is whole or not there, and can be built again.
func TestPowerCuts(t *testing.T) {
	l, cuts, err := cached(t, durably(fakeBuild(imageContent, epoch)))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d calls: %d power cuts, %d different states", len(l.Calls(l.Len())), cuts.All, cuts.Different)
}

// TestPowerCutsFindBugs: a builder that syncs nothing is found.
func TestPowerCutsFindBugs(t *testing.T) {
	if _, cuts, err := cached(t, fakeBuild(imageContent, epoch)); err == nil {
		t.Errorf("not found in %d power cuts", cuts.All)
	} else {
		t.Logf("found after %d power cuts: %.300s", cuts.All, err)
	}
}
