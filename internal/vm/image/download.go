// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// fetcher gets files from where templates say they are.
type fetcher struct {
	client    *http.Client
	freeSpace func(dir string) (int64, error)
	// writer stands between a download and its file; tests let it fail.
	writer func(io.Writer) io.Writer
	// stall is how long a server may send nothing.
	stall time.Duration
	// attempts without any progress before a download is given up; pause is the time before the n-th.
	attempts int
	pause    func(n int) time.Duration
}

// newFetcher makes the fetcher for real use. Proxies are those of the environment, as net/http reads it.
func newFetcher() fetcher {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 30 * time.Second
	transport.DisableCompression = true
	return fetcher{
		client: &http.Client{Transport: transport}, freeSpace: freeSpace, writer: func(w io.Writer) io.Writer { return w },
		stall: time.Minute, attempts: 4,
		pause: func(n int) time.Duration { return time.Second << min(n, 4) },
	}
}

// errUnchanged says that a server has the version still that it was asked about.
var errUnchanged = errors.New("the file has not changed")

// download is the transfer of one URL into a file, over any number of connections and processes.
type download struct {
	*fetcher
	File
	// kind of part that it is, for people.
	kind string
	// dir and path are of the file; what it is a part of is in path.json.
	dir, path string
	meter     *meter
	digest    *digester
	// known is asked about: when the server has it still, the download ends with errUnchanged.
	known version
	// resumed says that the file was not transferred in one piece.
	resumed bool
}

// stateSuffix of the file that says what a download is a part of.
const stateSuffix = ".json"

func (d *download) stateFile() string { return d.path + stateSuffix }

// run downloads until the file is complete and its digest is right. What arrived before it failed is kept for the next call,
// but for a file of a wrong digest: then only the note stays that it is wrong.
func (d *download) run(ctx context.Context) (version, error) {
	v, err := d.transfer(ctx)
	if err != nil {
		return version{}, err
	}
	err = d.digest.check(d.Location, d.Digest)
	if err != nil && d.resumed {
		// Perhaps the pieces are of different files; in one piece it is what the server has.
		if err := d.forget(); err != nil {
			return version{}, err
		}
		if v, err = d.transfer(ctx); err != nil {
			return version{}, err
		}
		err = d.digest.check(d.Location, d.Digest)
	}
	var wrong *DigestError
	if errors.As(err, &wrong) {
		v.Wrong = wrong.Got
		return version{}, errors.Join(err, atomicfile.Remove(d.path), d.remember(v))
	}
	return v, err
}

// transfer repeats attempts until one completes the file.
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

// brokenError is an attempt after which another one may come further.
type brokenError struct {
	have, want int64
	// answered says that the server had begun to send.
	answered bool
	// after is how long the server asks to wait.
	after time.Duration
	err   error
}

func (e *brokenError) Error() string { return e.err.Error() }

// final is what becomes of it when no attempt is left.
func (e *brokenError) final(location string) error {
	if e.have == 0 && !e.answered {
		return &UnavailableError{Location: location, Reason: reason(e.err), Passing: true, Err: e.err}
	}
	return &InterruptedError{Location: location, Have: e.have, Want: e.want, Err: e.err}
}

// reason is a network error without the method and URL that net/http puts before it.
func reason(err error) string {
	for inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "Get "); inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

// attempt asks the server once for what is missing.
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
	ctx, alive, cancel := watchdog(ctx, d.stall)
	defer cancel()
	response, err := d.ask(ctx, have, old)
	if err != nil {
		return version{}, d.unreached(ctx, have, err)
	}
	defer func() { _ = response.Body.Close() }()
	next, offset, err := d.judge(response, have, old)
	if err != nil || offset == complete {
		return next, err
	}
	if err := d.begin(f, offset, next); err != nil {
		return version{}, err
	}
	response.Body = &watched{ReadCloser: response.Body, ctx: ctx, alive: alive}
	return next, d.receive(f, response.Body, next.Size)
}

// resume returns how much of the file is there and of which version it is; 0 when it cannot be continued.
func (d *download) resume(f *os.File) (int64, version, error) {
	var old version
	data, err := os.ReadFile(d.stateFile())
	if errors.Is(err, os.ErrNotExist) || err == nil && json.Unmarshal(data, &old) != nil {
		return 0, version{}, nil // a crash before anything was received
	}
	if err != nil {
		return 0, version{}, fmt.Errorf("reading how far the download is: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return 0, version{}, fmt.Errorf("reading how far the download is: %w", err)
	}
	if old.Location != redacted(d.Location) {
		return 0, version{}, nil
	}
	if old.validator() == "" || old.Wrong != "" {
		return 0, old, nil
	}
	return info.Size(), old, nil
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

// unreached tells a server that may be reached later from one that cannot be trusted.
func (d *download) unreached(ctx context.Context, have int64, err error) error {
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	if errors.As(err, &unknown) || errors.As(err, &hostname) || errors.As(err, &invalid) {
		return &UnavailableError{Location: d.Location, Reason: reason(err), Err: err}
	}
	if errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	return &brokenError{have: have, want: -1, err: err}
}

// begin makes the file ready to take what comes from offset on.
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

func (d *fetcher) enough(dir string, need int64) error {
	free, err := d.freeSpace(dir)
	if err != nil {
		return fmt.Errorf("looking for free space in %s: %w", dir, err)
	}
	if free < need+spaceMargin {
		return noSpace(dir, need+spaceMargin, free)
	}
	return nil
}

func (d *download) checkSpace(need int64) error { return d.enough(d.dir, need) }

// receive writes the body to the file and makes it durable.
func (d *download) receive(f *os.File, body io.Reader, size int64) error {
	received := &readErrors{Reader: body}
	_, err := io.Copy(io.MultiWriter(d.writer(f), d.digest, d.meter), received)
	have := d.digest.size
	switch {
	case received.err != nil:
		// Durable, so that a power cut does not leave a hole that would be taken for data.
		return errors.Join(f.Sync(), &brokenError{have: have, want: size, answered: true, err: received.err})
	case isFull(err):
		return d.full(size - have)
	case err != nil:
		return fmt.Errorf("writing the download: %w", err)
	case size >= 0 && have != size:
		return errors.Join(f.Sync(), &brokenError{have: have, want: size, answered: true, err: io.ErrUnexpectedEOF})
	}
	return f.Sync()
}

// full says what is missing after a write failed for lack of space.
func (d *download) full(need int64) error {
	free, err := d.freeSpace(d.dir)
	if err != nil {
		free = 0
	}
	return noSpace(d.dir, max(need, 0)+spaceMargin, free)
}

// readErrors keeps apart what goes wrong with the network and with the disk.
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

// remember writes down which version the file is of.
func (d *download) remember(v version) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing down what is downloaded: %w", err)
	}
	if err := atomicfile.Write(d.stateFile(), data, 0o600); err != nil {
		if isFull(err) {
			return d.full(v.Size)
		}
		return fmt.Errorf("writing down what is downloaded: %w", err)
	}
	return nil
}

// forget drops what is there.
func (d *download) forget() error {
	return errors.Join(atomicfile.Remove(d.stateFile()), atomicfile.Remove(d.path))
}
