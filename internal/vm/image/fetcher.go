// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
)

// Fetcher downloads or copies images. Package fetch has the one that rdd uses.
type Fetcher interface {
	// Fetch fetches the parts of source, works in dir, and leaves the files of the image, durable,
	// in OutDir below it. It returns the versions of the parts in the order of Source.Parts.
	// progress may be nil.
	//
	// known are the versions of which there is an image already, nil when there is none. When each
	// part is of that version still, Fetch ends with ErrUnchanged; where it cannot find out, it
	// does not try for long.
	//
	// After an error dir holds what the next call goes on from, if there is any such thing.
	// *UnavailableError, *InterruptedError, *DigestError, *FormatError, *vm.HostError.
	Fetch(ctx context.Context, source Source, known []Version, dir string, progress func(Progress)) ([]Version, error)
}

// ErrUnchanged says that a location has the version still that it was asked about.
var ErrUnchanged = errors.New("the file has not changed")

// Version is what a server says of the file it sends, so that it can be asked whether it still has
// the same.
type Version struct {
	// Location without the password of a URL.
	Location     string `json:"location"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
	// Size in bytes; -1 when unknown.
	Size int64 `json:"size"`
}

// Known reports whether a server can be asked if it has this version still.
func (v Version) Known() bool { return v.ETag != "" || v.LastModified != "" }
