// SPDX-License-Identifier: Apache-2.0

package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
)

// originsDir in a fetched image holds a file for each source whose image it is, named by
// Source.key. When a location has another file by now, its origin moves to the new image.
const originsDir = "origins"

// origin records the versions of a source's parts of which an image was made.
type origin struct {
	Parts []Version `json:"parts"`
	// Checked is when the parts were found to be those.
	Checked time.Time `json:"checked"`
}

// checkable reports whether the location of each part can be asked if it has changed.
func (o origin) checkable() bool {
	return !slices.ContainsFunc(o.Parts, func(v Version) bool { return !v.Known() })
}

// Part is one of the files that a fetched image was made of.
type Part struct {
	// Location as it may be shown: see vm.Redacted.
	Location string `json:"location"`
	// Key is the same for the same location, whatever Redacted leaves out; see locationKey. Empty
	// in what older rdd have written.
	Key string `json:"key,omitempty"`
	// Digests of what was transferred, each ALGORITHM:HEX.
	Digests []string `json:"digests"`
}

// Is reports whether the part is the file that a template gives: by the digest, or where the
// template has none, by the location.
func (p Part) Is(file File) bool {
	if file.Digest == "" {
		return p.key() == locationKey(file.Location)
	}
	return slices.Contains(p.Digests, strings.ToLower(file.Digest))
}

// NewPart returns the part that was transferred from a location.
func NewPart(location string, digests []string) Part {
	return Part{Location: vm.Redacted(location), Key: locationKey(location), Digests: digests}
}

func (p Part) key() string {
	if p.Key != "" {
		return p.Key
	}
	return locationKey(p.Location)
}

// locationKey is a hash of a location without the password of a URL, which is how older rdd have
// recorded it.
func locationKey(location string) string {
	if u, err := url.Parse(location); err == nil && u.User != nil {
		location = u.Redacted()
	}
	sum := sha256.Sum256([]byte(location))
	return hex.EncodeToString(sum[:8])
}

// PartsMatch reports whether an image made of parts is the image of source.
func PartsMatch(parts map[string]Part, source Source) bool {
	want := source.Parts()
	if len(parts) != len(want) {
		return false
	}
	return !slices.ContainsFunc(want, func(p SourcePart) bool {
		have, ok := parts[p.Kind]
		return !ok || !have.Is(p.File)
	})
}

// byDigest finds the image of a source that has a digest for each part, wherever it came from.
func (s *Store) byDigest(source Source) (Image, bool, error) {
	for _, p := range source.Parts() {
		if p.Digest == "" {
			return Image{}, false, nil
		}
	}
	entries, err := s.usable()
	if err != nil {
		return Image{}, false, err
	}
	for _, entry := range entries {
		if entry.Parts != nil && PartsMatch(entry.Parts, source) {
			return entry.image(source.KernelArgs), true, nil
		}
	}
	return Image{}, false, nil
}

// byOrigin finds the image that a source had when it was last checked; nil when there is none, or
// when it is damaged.
func (s *Store) byOrigin(source Source) (*Entry, origin, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "[^.]*", originsDir, source.key()))
	if err != nil || len(files) == 0 {
		return nil, origin{}, err
	}
	o, err := readOrigin(files[0])
	if err != nil {
		return nil, origin{}, nil //nolint:nilerr // removed meanwhile, or damaged: it is fetched again
	}
	entry, ok := readEntry(filepath.Dir(filepath.Dir(files[0])))
	if !ok || entry.Damage != "" {
		return nil, origin{}, nil
	}
	return &entry, o, nil
}

// readOrigin reads an origin.
func readOrigin(path string) (origin, error) {
	var o origin
	data, err := regular.ReadFile(path)
	if err != nil {
		return o, fmt.Errorf("reading where an image is from: %w", err)
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("reading %s: %w", path, err)
	}
	return o, nil
}

// publishFetched moves a fetched image into the cache, unless the cache has the same image, and
// makes it the image of its source.
func (s *Store) publishFetched(out string, source Source, versions []Version) (Image, error) {
	manifest, err := readManifest(out)
	if err != nil {
		return Image{}, err
	}
	dir := filepath.Join(s.dir, entryName(manifest))
	err = s.exclusively(func() error {
		if known, err := readManifest(dir); err == nil {
			known.addDigests(manifest)
			manifest = known
		}
		if err := add(out, dir, manifest); err != nil {
			return err
		}
		return s.setOrigin(dir, source, versions)
	})
	if err != nil {
		return Image{}, fmt.Errorf("adding image %s to the cache: %w", manifest.Name, err)
	}
	return Entry{Manifest: manifest, dir: dir}.image(source.KernelArgs), nil
}

// addDigests adds the digests of other algorithms that a later fetch of the same image has
// computed.
func (m Manifest) addDigests(again Manifest) {
	for kind, p := range m.Parts {
		p.Digests = slices.Compact(slices.Sorted(slices.Values(append(p.Digests, again.Parts[kind].Digests...))))
		m.Parts[kind] = p
	}
}

// setOrigin makes the image in dir the image of a source, and no other one.
func (s *Store) setOrigin(dir string, source Source, versions []Version) error {
	o := origin{Parts: versions, Checked: time.Now().UTC()}
	path := filepath.Join(dir, originsDir, source.key())
	if err := atomicfile.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := setApart(path); err != nil {
		return err
	}
	if err := writeJSON(path, o); err != nil {
		return err
	}
	others, err := filepath.Glob(filepath.Join(s.dir, "[^.]*", originsDir, source.key()))
	if err != nil {
		return err
	}
	for _, other := range others {
		if other == path {
			continue
		}
		if err := atomicfile.Remove(other); err != nil {
			return err
		}
	}
	return nil
}

// hasOrigin reports whether the image in dir is that of any source.
func hasOrigin(dir string) bool {
	found, err := filepath.Glob(filepath.Join(dir, originsDir, "[^.]*"))
	return err == nil && len(found) > 0
}
