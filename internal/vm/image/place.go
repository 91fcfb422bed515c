// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/sparse"
	"rancherdesktop.io/rdd/internal/vm"
)

// placeMargin is how much a copy of an image leaves free, in bytes: a machine that starts needs as
// much.
const placeMargin = 256 << 20

// Placement is a file of an image, and the path at which a machine has it.
type Placement struct{ From, To string }

// placing is a file that is being put in its place.
type placing struct {
	Placement
	// from is open until the file is copied; nil when it was linked.
	from *os.File
}

// Place gives the machine in directory instanceDir files of an image as its own, durable: hard
// links, or, where the file systems differ, copies that share the data if they can. The machine
// depends on nothing in the cache afterwards. What is in a file's place is replaced. Links are made
// at once; a copy may take minutes, and is not made when linksOnly is set.
//
// The image counts as used by the machine when shared is true. When it is false, call Forget once
// the machine's disk refers to the copy.
//
// ErrNotFound: the image was removed meanwhile. ErrCopyNeeded. *vm.HostError for lack of space.
func (s *Store) Place(ctx context.Context, instanceDir string, files []Placement, linksOnly bool) (shared bool, err error) {
	instanceDir, err = filepath.Abs(instanceDir)
	if err != nil {
		return false, fmt.Errorf("taking the image's files: %w", err)
	}
	all := make([]placing, len(files))
	defer func() { err = errors.Join(err, closeAll(all)) }()
	err = s.removing(func() error {
		for i, f := range files {
			if all[i], err = place(f); err != nil {
				return err
			}
			if all[i].from != nil && linksOnly {
				return ErrCopyNeeded
			}
		}
		shared, err = s.recordUse(instanceDir, all)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("taking the image's files: %w", err)
	}
	for _, p := range all {
		if err := p.finish(ctx); err != nil {
			return false, fmt.Errorf("taking the image's files: %w", err)
		}
	}
	return shared, atomicfile.SyncDir(instanceDir)
}

// ErrCopyNeeded says that an image's files cannot be linked to where a machine wants them.
var ErrCopyNeeded = errors.New("the files must be copied, which takes a while")

// recordUse records that a machine shares the data of an image of the cache, if it does.
func (s *Store) recordUse(instanceDir string, all []placing) (shared bool, err error) {
	for _, p := range all {
		if dir := filepath.Dir(p.From); p.from == nil && filepath.Dir(dir) == s.dir {
			return true, s.use(dir, instanceDir)
		}
	}
	return false, nil
}

// place links a file, or opens it for a copy: then it stays readable when it is removed meanwhile.
func place(f Placement) (placing, error) {
	from, _, err := regular.Open(f.From)
	if errors.Is(err, fs.ErrNotExist) {
		return placing{}, fmt.Errorf("%s: %w", f.From, ErrNotFound)
	}
	if err != nil {
		return placing{}, err
	}
	if err := setApart(f.To); err != nil {
		return placing{}, errors.Join(err, from.Close())
	}
	if atomicfile.Link(f.From, f.To) != nil {
		return placing{Placement: f, from: from}, nil
	}
	return placing{Placement: f}, from.Close()
}

// temporary is the name of a file until it is complete.
func temporary(path string) string { return path + ".new" }

// finish copies a file that was not linked, and makes it durable in any case.
func (p placing) finish(ctx context.Context) error {
	if p.from == nil {
		return atomicfile.Sync(p.To)
	}
	to, err := os.OpenFile(temporary(p.To), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(copyFile(ctx, to, p.from), to.Chmod(0o400), to.Sync(), to.Close())
	if err != nil {
		return errors.Join(err, atomicfile.Remove(temporary(p.To)))
	}
	return atomicfile.Rename(temporary(p.To), p.To)
}

// copyFile copies a file, unless its data can be shared. *vm.HostError for lack of space.
func copyFile(ctx context.Context, to, from *os.File) error {
	if sparse.Clone(to, from) == nil {
		return nil
	}
	info, err := from.Stat()
	if err != nil {
		return err
	}
	dir := filepath.Dir(to.Name())
	free, err := FreeSpace(dir)
	if err != nil {
		return fmt.Errorf("looking for free space in %s: %w", dir, err)
	}
	if need, _ := stored(info); free < need+placeMargin {
		return &vm.HostError{
			Missing: fmt.Sprintf("disk space: a copy of the image needs %s in %s, %s are free", Megabytes(need+placeMargin), dir, Megabytes(free)),
			Hint:    "free some space there",
		}
	}
	holes := sparse.NewWriter(to, to)
	if _, err := io.Copy(holes, Interruptible(ctx, from)); err != nil {
		return err
	}
	return holes.Finish()
}

func closeAll(all []placing) error {
	var errs []error
	for _, p := range all {
		if p.from != nil {
			errs = append(errs, p.from.Close())
		}
	}
	return errors.Join(errs...)
}
