// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
)

// Fetcher downloads or copies images. Package fetch has the one that rdd uses.
type Fetcher interface {
	// Fetch fetches the parts of source, works in dir, and leaves the files of the image, durable, in
	// OutDir below it. It returns the versions of the parts in the order of Source.Parts. progress may
	// be nil.
	//
	// known are the versions of the parts of an image in the cache, nil when there is none. When each
	// part still is of that version, Fetch returns ErrUnchanged. With known it makes one attempt only,
	// as there is an image to use instead.
	//
	// After an error dir may hold what was transferred, from which the next call goes on.
	// *UnavailableError, *InterruptedError, *DigestError, *FormatError, *vm.HostError.
	Fetch(ctx context.Context, source Source, known []Version, dir string, progress func(Progress)) ([]Version, error)
}

// ErrUnchanged says that a location still has the version that it was asked about.
var ErrUnchanged = errors.New("the file has not changed")

// Version identifies a version of a file by what its server says of it, so that the server can be
// asked whether it still has that one.
type Version struct {
	// Location as it may be shown: see vm.Redacted.
	Location     string `json:"location"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
	// Size in bytes; -1 when unknown.
	Size int64 `json:"size"`
}

// Known reports whether a server can be asked if it still has this version.
func (v Version) Known() bool { return v.ETag != "" || v.LastModified != "" }
