// SPDX-License-Identifier: Apache-2.0

package image

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Scheme of the location of an image that rdd builds: "rdd:docker".
const Scheme = "rdd:"

// Source says where an image comes from: an entry of a template's images.
type Source struct {
	Disk File
	// Kernel is booted directly, with KernelArgs; nil leaves that to the disk's boot loader. Initrd goes with it.
	Kernel, Initrd *File
	KernelArgs     string
}

// File is something to download or to copy.
type File struct {
	// Location is `rdd:NAME`, an http(s) URL, or an absolute path.
	Location string `json:"location"`
	// Digest is `ALGORITHM:HEX`; empty: whatever Location holds is taken.
	Digest string `json:"digest,omitempty"`
}

// Built returns the name of an image that rdd builds, if that is what the source is.
func (s Source) Built() (string, bool) { return strings.CutPrefix(s.Disk.Location, Scheme) }

// part is one of the files that make an image.
type part struct {
	File
	// kind is what the file is: one of the constants below.
	kind string
}

const (
	partDisk   = "image"
	partKernel = "kernel"
	partInitrd = "initrd"
)

func (s Source) parts() []part {
	parts := []part{{File: s.Disk, kind: partDisk}}
	for kind, file := range map[string]*File{partKernel: s.Kernel, partInitrd: s.Initrd} {
		if file != nil {
			parts = append(parts, part{File: *file, kind: kind})
		}
	}
	slices.SortFunc(parts[1:], func(a, b part) int { return strings.Compare(b.kind, a.kind) }) // the kernel, then the initrd
	return parts
}

// key identifies what is asked for: the same locations with the same digests.
func (s Source) key() string {
	sum := sha256.New()
	for _, p := range s.parts() {
		fmt.Fprintf(sum, "%s\n%s\n%s\n", p.kind, p.Location, p.Digest)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// digestAlgorithms are those that templates may use.
var digestAlgorithms = map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}

// checkDigest returns an error when a digest is not ALGORITHM:HEX.
func checkDigest(digest string) error {
	algorithm, sum, _ := strings.Cut(digest, ":")
	make, ok := digestAlgorithms[algorithm]
	if !ok {
		return fmt.Errorf("digest %q: want sha256:… or sha512:…", digest)
	}
	if decoded, err := hex.DecodeString(sum); err != nil || len(decoded) != make().Size() {
		return fmt.Errorf("digest %q: want %d hexadecimal digits after %s:", digest, 2*make().Size(), algorithm)
	}
	return nil
}

var (
	nameSuffixes = regexp.MustCompile(`(?i)(\.(qcow2|img|raw|gz|xz|zst|bz2))+$`)
	nameUnfit    = regexp.MustCompile(`[^a-z0-9.]+`)
)

// name is a short name for people: "debian-13-genericcloud-amd64" for …/debian-13-genericcloud-amd64.qcow2.
func (s Source) name() string {
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

// isURL tells an http(s) URL from a path.
func isURL(location string) bool {
	return strings.HasPrefix(location, "http://") || strings.HasPrefix(location, "https://")
}

// redacted is a location as it may be shown: a URL without its password.
func redacted(location string) string {
	if u, err := url.Parse(location); err == nil && u.User != nil {
		return u.Redacted()
	}
	return location
}
