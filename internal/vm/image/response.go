// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// version is what a server says of the file it sends, so that it can be asked whether it still has the same.
type version struct {
	// Location without the password of a URL.
	Location     string `json:"location"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
	// Size in bytes; -1 when unknown.
	Size int64 `json:"size"`
	// Wrong is the digest of a file that was not the one wanted.
	Wrong string `json:"wrong,omitempty"`
}

// validator is what If-Range takes; empty: parts of the file cannot be told from parts of another one. A weak
// ETag does not do (RFC 9110, 13.1.5).
func (v version) validator() string {
	if v.ETag != "" && !strings.HasPrefix(v.ETag, "W/") {
		return v.ETag
	}
	return v.LastModified
}

// known reports whether a server can be asked if it has this version still.
func (v version) known() bool { return v.ETag != "" || v.LastModified != "" }

// complete is judge's offset when nothing is missing.
const complete = -1

// judge reads the answer's header: which version comes, and from which offset.
func (d *download) judge(r *http.Response, have int64, old version) (version, int64, error) {
	switch {
	case r.StatusCode == http.StatusNotModified && old.Wrong != "":
		return version{}, 0, &DigestError{Location: d.Location, Want: d.Digest, Got: old.Wrong}
	case r.StatusCode == http.StatusNotModified && have == 0 && d.known.known():
		return version{}, 0, errUnchanged
	case r.StatusCode == http.StatusOK:
		return d.version(r, r.ContentLength), 0, nil
	case r.StatusCode == http.StatusPartialContent && have > 0:
		return d.judgePart(r, have, old)
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		if old.Size == have {
			d.resumed = true
			return old, complete, d.digestAll(have)
		}
		return version{}, 0, errors.Join(d.forget(), &brokenError{want: -1, answered: true, err: errors.New("the server has another file now")})
	case passing(r.StatusCode):
		return version{}, 0, &brokenError{have: have, want: -1, after: retryAfter(r), err: fmt.Errorf("the server answers %s", r.Status)}
	}
	return version{}, 0, &UnavailableError{Location: d.Location, Reason: "the server answers " + r.Status}
}

// judgePart checks that a part continues what is there.
func (d *download) judgePart(r *http.Response, have int64, old version) (version, int64, error) {
	start, total, err := contentRange(r.Header.Get("Content-Range"))
	same := d.version(r, total)
	fits := start == have && (old.Size < 0 || total < 0 || old.Size == total) &&
		(same.ETag == "" || old.ETag == "" || same.ETag == old.ETag)
	if err != nil || !fits {
		return version{}, 0, errors.Join(d.forget(), &brokenError{want: -1, answered: true, err: errors.New("the server sends a part of another file")})
	}
	d.resumed = true
	old.Size = max(old.Size, total)
	return old, have, nil
}

func (d *download) version(r *http.Response, size int64) version {
	return version{Location: redacted(d.Location), ETag: r.Header.Get("ETag"), LastModified: r.Header.Get("Last-Modified"), Size: size}
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

// passing reports whether a status may be another one soon.
func passing(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests ||
		status >= 500 && status != http.StatusNotImplemented
}

// longestRetryAfter bounds what a server may ask for.
const longestRetryAfter = 30 * time.Second

func retryAfter(r *http.Response) time.Duration {
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestRetryAfter)
}
