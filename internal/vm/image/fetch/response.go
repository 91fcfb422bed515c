// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// complete is readHeader's offset when nothing is missing.
const complete = -1

// readHeader reads the header of a response: which version it has, and from which offset.
func (d *download) readHeader(r *http.Response, have int64, old version) (version, int64, error) {
	switch {
	case r.StatusCode == http.StatusNotModified && old.Wrong != "":
		return version{}, 0, &image.DigestError{Location: d.Location, Want: d.Digest, Got: old.Wrong}
	case r.StatusCode == http.StatusNotModified && have == 0 && d.known.Known():
		return version{}, 0, image.ErrUnchanged
	case r.StatusCode == http.StatusOK:
		return d.version(r, r.ContentLength), 0, nil
	case r.StatusCode == http.StatusPartialContent && have > 0:
		return d.readPartHeader(r, have, old)
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		if old.Size == have {
			d.resumed = true
			return old, complete, d.digestAll(have)
		}
		return version{}, 0, d.startOver("the server has another file now")
	case temporary(r.StatusCode):
		return version{}, 0, &brokenError{have: have, want: -1, after: retryAfter(r), err: fmt.Errorf("the server answers %s", r.Status)}
	}
	return version{}, 0, &image.UnavailableError{Location: d.Location, Reason: "the server answers " + r.Status}
}

// readPartHeader checks that a part continues what is there.
func (d *download) readPartHeader(r *http.Response, have int64, old version) (version, int64, error) {
	start, total, err := contentRange(r.Header.Get("Content-Range"))
	same := d.version(r, total)
	fits := start == have && (old.Size < 0 || total < 0 || old.Size == total) &&
		(same.ETag == "" || old.ETag == "" || same.ETag == old.ETag)
	if err != nil || !fits {
		return version{}, 0, d.startOver("the server sends a part of another file")
	}
	d.resumed = true
	old.Size = max(old.Size, total)
	return old, have, nil
}

// startOver drops what has arrived, and returns an error that leads to another attempt.
func (d *download) startOver(reason string) error {
	return errors.Join(d.forget(), &brokenError{want: -1, answered: true, err: errors.New(reason)})
}

// version is that of the file in a response.
func (d *download) version(r *http.Response, size int64) version {
	return version{Version: image.Version{
		Location: vm.Redacted(d.Location), ETag: r.Header.Get("ETag"), LastModified: r.Header.Get("Last-Modified"), Size: size,
	}}
}

// contentRange reads "bytes 100-199/500" as 100 and 500, or -1 for a total of "*".
func contentRange(header string) (start, total int64, err error) {
	var end int64
	var size string
	if _, err := fmt.Sscanf(header, "bytes %d-%d/%s", &start, &end, &size); err != nil {
		return 0, 0, fmt.Errorf("reading Content-Range %q: %w", header, err)
	}
	if size == "*" {
		return start, -1, nil
	}
	total, err = strconv.ParseInt(size, 10, 64)
	return start, total, err
}

// temporary reports whether another attempt soon may get another status.
func temporary(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests ||
		status >= 500 && status != http.StatusNotImplemented
}

// longestRetryAfter bounds the wait that a server may ask for.
const longestRetryAfter = 30 * time.Second

// retryAfter returns the wait that a server asks for; 0 when it asks for none. A date is not read.
func retryAfter(r *http.Response) time.Duration {
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestRetryAfter)
}
