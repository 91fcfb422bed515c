// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/redirect"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// download is the transfer of one URL into a file, over any number of connections and processes.
type download struct {
	*Fetcher
	image.File
	// kind of the part, for people.
	kind string
	// path is that of the file, in dir. path.json holds the version that it is a part of.
	dir, path string
	meter     *meter
	digest    *digester
	// known is the version in the cache. When the server still has it, the download ends with
	// image.ErrUnchanged.
	known version
	// resumed says that the file was not transferred in one piece.
	resumed bool
}

// run downloads until the file is complete and its digest is right. What has arrived before an
// error is kept for the next call. Of a file with a wrong digest only a record is kept, so that it
// is not downloaded again as long as the server has it.
func (d *download) run(ctx context.Context) (version, error) {
	v, err := d.transfer(ctx)
	if err != nil {
		return version{}, err
	}
	err = d.digest.check(d.Location, d.Digest)
	if err != nil && d.resumed {
		// The pieces may be of different files. One transfer shows what the server really has.
		if err := d.forget(); err != nil {
			return version{}, err
		}
		if v, err = d.transfer(ctx); err != nil {
			return version{}, err
		}
		err = d.digest.check(d.Location, d.Digest)
	}
	var wrong *image.DigestError
	if errors.As(err, &wrong) {
		v.Wrong = wrong.Got
		return version{}, errors.Join(err, atomicfile.Remove(d.path), d.remember(v))
	}
	return v, err
}

// transfer repeats attempts until one completes the file. Attempts that make progress do not count.
func (d *download) transfer(ctx context.Context) (version, error) {
	var best int64
	for failed := 0; ; {
		v, err := d.attempt(ctx)
		var broken *brokenError
		if !errors.As(err, &broken) {
			return v, err
		}
		if ctx.Err() != nil {
			return version{}, ctx.Err()
		}
		if broken.have > best {
			best, failed = broken.have, 0
		}
		if failed++; failed >= d.attempts {
			return version{}, broken.final(d.Location)
		}
		if err := wait(ctx, max(d.pause(failed), broken.after)); err != nil {
			return version{}, err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// attempt makes one request for what is missing. A *brokenError says that another attempt may help.
func (d *download) attempt(ctx context.Context) (_ version, err error) {
	f, err := os.OpenFile(d.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return version{}, fmt.Errorf("opening the download's file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	have, old, err := d.resume(f)
	if err != nil {
		return version{}, err
	}
	ctx, progressed, cancel := watchdog(ctx, d.stall)
	defer cancel()
	response, err := d.ask(ctx, have, old)
	if err != nil {
		return version{}, d.unreached(ctx, have, err)
	}
	defer func() { _ = response.Body.Close() }()
	next, offset, err := d.readHeader(response, have, old)
	if err != nil || offset == complete {
		return next, err
	}
	if err := d.begin(f, offset, next); err != nil {
		return version{}, err
	}
	response.Body = &watched{ReadCloser: response.Body, ctx: ctx, progressed: progressed}
	return next, d.receive(f, response.Body, next.Size)
}

// ask sends the request for what comes after the first have bytes of a version.
func (d *download) ask(ctx context.Context, have int64, old version) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Location, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "rdd")
	request.Header.Set("Accept-Encoding", "identity")
	same := d.known
	if old.Wrong != "" {
		same = old
	}
	switch {
	case have > 0:
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		request.Header.Set("If-Range", old.validator())
	case same.ETag != "":
		request.Header.Set("If-None-Match", same.ETag)
	case same.LastModified != "":
		request.Header.Set("If-Modified-Since", same.LastModified)
	}
	return d.client.Do(request)
}

// unreached returns the error for a server that did not respond. Another attempt may reach it,
// unless its certificate or where it redirects to is the problem.
func (d *download) unreached(ctx context.Context, have int64, err error) error {
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var insecure *redirect.InsecureError
	if errors.As(err, &insecure) {
		return &image.UnavailableError{Location: d.Location, Reason: insecure.Error(), Err: insecure}
	}
	if errors.As(err, &unknown) || errors.As(err, &hostname) || errors.As(err, &invalid) {
		return &image.UnavailableError{Location: d.Location, Reason: reason(err), Err: err}
	}
	if errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	return &brokenError{have: have, want: -1, err: err}
}

// begin prepares the file, the digest and the meter for the data from offset on.
func (d *download) begin(f *os.File, offset int64, v version) error {
	if v.Size >= 0 {
		if err := d.checkSpace(v.Size - offset); err != nil {
			return err
		}
	}
	if err := f.Truncate(offset); err != nil {
		return fmt.Errorf("continuing the download: %w", err)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return fmt.Errorf("continuing the download: %w", err)
	}
	if err := d.digest.seek(f, offset); err != nil {
		return err
	}
	if offset == 0 {
		d.resumed = false
		if err := d.remember(v); err != nil {
			return err
		}
	}
	d.meter.rename("downloading " + d.kind)
	d.meter.begin(offset, v.Size)
	return nil
}

// receive writes the body to the file and makes it durable.
func (d *download) receive(f *os.File, body io.Reader, size int64) error {
	received := &readErrors{Reader: body}
	_, err := io.Copy(io.MultiWriter(d.room(d.dir, d.writer(f)), d.digest, d.meter), received)
	have := d.digest.size
	switch {
	case received.err != nil:
		// Durable, so that after a power cut no hole is taken for data.
		return errors.Join(f.Sync(), &brokenError{have: have, want: size, answered: true, err: received.err})
	case (isFull(err) || isOutOfRoom(err)) && size < 0:
		// It is not known whether the rest ever finds room: what others need is not kept.
		return errors.Join(d.roomError(err), d.forget())
	case isOutOfRoom(err):
		return errors.Join(err, f.Sync())
	case isFull(err):
		return d.full(size - have)
	case err != nil:
		return fmt.Errorf("writing the download: %w", err)
	case size >= 0 && have != size:
		return errors.Join(f.Sync(), &brokenError{have: have, want: size, answered: true, err: io.ErrUnexpectedEOF})
	}
	return f.Sync()
}

// readErrors remembers the error of a reader, to tell it from that of the writer after io.Copy.
type readErrors struct {
	io.Reader
	err error
}

func (r *readErrors) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// digestAll computes the digest of a file that was complete already.
func (d *download) digestAll(size int64) error {
	f, err := os.Open(d.path)
	if err != nil {
		return fmt.Errorf("reading the download: %w", err)
	}
	return errors.Join(d.digest.seek(f, size), f.Close())
}
