// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/sparse"
	"rancherdesktop.io/rdd/internal/vm/image"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// decompressors by kind of compression.
var decompressors = map[string]func(io.Reader) (io.Reader, error){
	"gzip":  func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"bzip2": func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil },
	"xz":    func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) },
	"zstd":  func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
}

// decompress writes the content of the compressed file from to the file to, with holes where it is
// zero. location is for messages, dir the directory whose free space counts. After an error, to is
// not there.
func (f *Fetcher) decompress(ctx context.Context, kind, location, from, dir, to string, m *meter) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("decompressing the image: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return fmt.Errorf("decompressing the image: %w", err)
	}
	out, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("decompressing the image: %w", err)
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			err = errors.Join(err, atomicfile.Remove(to))
		}
	}()
	m.begin(0, info.Size())
	reader, err := decompressors[kind](bufio.NewReaderSize(io.TeeReader(in, m), 1<<20))
	if err != nil {
		return &image.FormatError{Location: location, Reason: fmt.Sprintf("it is damaged: %s: %v", kind, err)}
	}
	return f.unpack(ctx, kind, location, dir, reader, out)
}

// unpack writes what a decompressor reads to the file out and makes it durable.
func (f *Fetcher) unpack(ctx context.Context, kind, location, dir string, reader io.Reader, out *os.File) error {
	// What comes out is interruptible, not what goes in: a few bytes may become a terabyte.
	unpacked := &readErrors{Reader: image.Interruptible(ctx, reader)}
	holes := sparse.NewWriter(out, f.room(dir, f.writer(out)))
	_, err := io.Copy(holes, unpacked)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case unpacked.err != nil:
		return &image.FormatError{Location: location, Reason: fmt.Sprintf("it is damaged: %s: %v", kind, unpacked.err)}
	case isOutOfRoom(err):
		return err
	case isFull(err):
		free, spaceErr := f.freeSpace(dir)
		return errors.Join(noSpace(dir, spaceMargin, free), spaceErr)
	case err != nil:
		return fmt.Errorf("decompressing the image: %w", err)
	}
	return errors.Join(holes.Finish(), out.Sync())
}
