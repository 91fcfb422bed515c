// SPDX-License-Identifier: Apache-2.0

package image

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Scheme of the location of an image that rdd builds: "rdd:docker".
const Scheme = "rdd:"

// Source says where an image comes from. It is an entry of a template's images.
type Source struct {
	Disk File
	// Kernel is booted directly, with KernelArgs and Initrd; nil: the disk has a boot loader.
	Kernel, Initrd *File
	KernelArgs     string
	// Architecture as Go names it; empty: the host's.
	Architecture string
}

// File is something to download or to copy.
type File struct {
	// Location is `rdd:NAME`, an http(s) URL, or an absolute path.
	Location string `json:"location"`
	// Digest is `ALGORITHM:HEX`; empty: whatever Location holds is accepted.
	Digest string `json:"digest,omitempty"`
}

// Built returns the name of an image that rdd builds, if that is what the source is.
func (s Source) Built() (string, bool) { return strings.CutPrefix(s.Disk.Location, Scheme) }

// Kinds of the parts of an image.
const (
	PartDisk   = "image"
	PartKernel = "kernel"
	PartInitrd = "initrd"
)

// SourcePart is one of the files that make an image.
type SourcePart struct {
	File
	// Kind is what the file is: PartDisk, PartKernel or PartInitrd.
	Kind string
}

// Parts returns the files of which the image is made: the disk, then the kernel and the initrd
// where the source has them.
func (s Source) Parts() []SourcePart {
	parts := []SourcePart{{File: s.Disk, Kind: PartDisk}}
	if s.Kernel != nil {
		parts = append(parts, SourcePart{File: *s.Kernel, Kind: PartKernel})
	}
	if s.Initrd != nil {
		parts = append(parts, SourcePart{File: *s.Initrd, Kind: PartInitrd})
	}
	return parts
}

// key is the same for sources with the same locations and digests, and fit for a file name.
func (s Source) key() string {
	sum := sha256.New()
	for _, p := range s.Parts() {
		fmt.Fprintf(sum, "%s\n%s\n%s\n", p.Kind, p.Location, p.Digest)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

var (
	nameSuffixes = regexp.MustCompile(`(?i)(\.(qcow2|img|raw|gz|xz|zst|bz2))+$`)
	nameUnfit    = regexp.MustCompile(`[^a-z0-9.]+`)
)

// ShortName is a name for people, made from the location: "debian-13-genericcloud-amd64" for
// …/debian-13-genericcloud-amd64.qcow2. Several sources may have the same.
func (s Source) ShortName() string {
	base := path.Base(s.Disk.Location)
	if u, err := url.Parse(s.Disk.Location); err == nil && u.Host != "" {
		base = path.Base(u.Path)
	}
	name := nameUnfit.ReplaceAllString(strings.ToLower(nameSuffixes.ReplaceAllString(base, "")), "-")
	name = strings.Trim(name, "-.")
	if name == "" {
		return "image"
	}
	return name[:min(len(name), 60)]
}

// IsURL tells an http(s) URL from a path.
func (f File) IsURL() bool {
	return strings.HasPrefix(f.Location, "http://") || strings.HasPrefix(f.Location, "https://")
}
