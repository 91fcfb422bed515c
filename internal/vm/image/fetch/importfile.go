// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/sparse"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// copyIn copies a file of the host into the cache and computes its digest. The copy shares the
// file's data where the file system supports it. The version that is returned changes when the file
// is changed.
func (f *Fetcher) copyIn(ctx context.Context, file image.File, dir, path string, digest *digester, m *meter) (_ version, err error) {
	from, info, err := openRegular(file.Location)
	if err != nil {
		return version{}, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return version{}, fmt.Errorf("copying the image: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	m.begin(0, info.Size())
	if err := f.copyData(ctx, to, from, dir, info.Size(), digest, m); err != nil {
		return version{}, err
	}
	after, err := from.Stat()
	if err != nil {
		return version{}, fmt.Errorf("copying the image: %w", err)
	}
	if fileVersion(file.Location, after) != fileVersion(file.Location, info) || digest.size != info.Size() {
		return version{}, &image.UnavailableError{Location: file.Location, Reason: "it was changed while it was copied", Temporary: true}
	}
	return fileVersion(file.Location, info), errors.Join(digest.check(file.Location, file.Digest), to.Sync())
}

// copyData copies the data of a file, or only reads it for the digest when it can be shared.
func (f *Fetcher) copyData(ctx context.Context, to, from *os.File, dir string, size int64, digest *digester, m *meter) error {
	if sparse.Clone(to, from) == nil {
		_, err := io.Copy(io.MultiWriter(digest, m), image.Interruptible(ctx, to))
		return err
	}
	if err := f.enough(dir, size); err != nil {
		return err
	}
	holes := sparse.NewWriter(to, f.room(dir, f.writer(to)))
	_, err := io.Copy(io.MultiWriter(holes, digest, m), image.Interruptible(ctx, from))
	if err == nil {
		err = holes.Finish()
	}
	if isFull(err) {
		free, spaceErr := f.freeSpace(dir)
		return errors.Join(noSpace(dir, size-digest.size+spaceMargin, free), spaceErr)
	}
	if err != nil && ctx.Err() == nil && !isOutOfRoom(err) {
		return fmt.Errorf("copying the image: %w", err)
	}
	return err
}

// openRegular opens a file and refuses directories, devices, FIFOs and the like:
// *image.UnavailableError. It never waits.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	f, info, err := regular.Open(path)
	var special *regular.NotRegularError
	switch {
	case errors.As(err, &special):
		return nil, nil, &image.UnavailableError{Location: path, Reason: "it is not a regular file but " + special.What(), Err: err}
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, &image.UnavailableError{Location: path, Reason: "there is no such file", Err: err}
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, &image.UnavailableError{Location: path, Reason: "it may not be read", Err: err}
	case err != nil:
		return nil, nil, fmt.Errorf("opening the image: %w", err)
	}
	return f, info, nil
}

// fileVersion is a version by the time and size of a file: what an ETag is for a server's.
func fileVersion(path string, info fs.FileInfo) version {
	return version{Version: image.Version{
		Location: path, LastModified: info.ModTime().UTC().Format(time.RFC3339Nano), Size: info.Size(),
	}}
}
