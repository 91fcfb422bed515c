// SPDX-License-Identifier: Apache-2.0

package version

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	utilversion "k8s.io/apimachinery/pkg/util/version"
)

// headSize is how much of an executable is hashed for its fingerprint, in bytes. The Go linker
// writes the build ID, a hash of all inputs, near the beginning of the file: cmd/internal/buildid
// reads it from the first 32 KiB.
const headSize = 64 << 10

// Build identifies a build of rdd.
type Build struct {
	// Version is a semantic version with a leading v; see Get.
	Version string `json:"version"`
	// Revision is the commit it was built from; empty when unknown.
	Revision string `json:"revision,omitempty"`
	// Committed is the time of that commit.
	Committed time.Time `json:"committed,omitzero"`
	// Modified says that the sources differed from that commit.
	Modified bool `json:"modified,omitempty"`
	// Fingerprint is equal for copies of the same executable only; empty when it cannot be read.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Linked is the modification time of the executable.
	Linked time.Time `json:"linked,omitzero"`
}

// This returns the build of the running program. Fields that cannot be found out stay empty.
func This() Build {
	b := Build{Version: Get()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.readSettings(info.Settings)
	}
	if path, err := os.Executable(); err == nil {
		b.readFile(path)
	}
	return b
}

func (b *Build) readSettings(settings []debug.BuildSetting) {
	for _, setting := range settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.time":
			b.Committed, _ = time.Parse(time.RFC3339, setting.Value) // zero is unknown
		case "vcs.modified":
			b.Modified, _ = strconv.ParseBool(setting.Value) // unknown counts as unmodified
		}
	}
}

// readFile sets the fields that come from the executable. It sets none if that cannot be read.
func (b *Build) readFile(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return
	}
	hash := sha256.New()
	if _, err := io.CopyN(hash, f, headSize); err != nil && !errors.Is(err, io.EOF) {
		return
	}
	fmt.Fprint(hash, info.Size())
	b.Fingerprint, b.Linked = hex.EncodeToString(hash.Sum(nil)[:16]), info.ModTime()
}

// Text returns the build for people: its version, and for a development build also when it was
// linked.
func (b Build) Text() string {
	switch {
	case !b.Development() || !known(b.Linked):
		return b.Version
	case strings.Contains(b.Version, "+") || b.Revision == "" || strings.Contains(b.Version, b.Revision[:min(len(b.Revision), 7)]):
		return fmt.Sprintf("%s of %s", b.Version, b.Linked.Format(time.DateTime))
	}
	return fmt.Sprintf("%s+%s of %s", b.Version, b.Revision[:min(len(b.Revision), 7)], b.Linked.Format(time.DateTime))
}

// Source returns the release that the build is of, as v1.2.3, or else the commit, or else the
// version.
func (b Build) Source() string {
	switch _, commit, _ := strings.Cut(b.Version, "+"); {
	case !untagged(b.Version) && !strings.Contains(b.Version, "-0.dev."):
		return b.Version
	case b.Revision != "":
		return b.Revision
	case commit != "":
		return strings.TrimSuffix(commit, "-dirty")
	}
	return b.Version
}

// Compare returns a negative number when b is older than other, a positive one when b is newer, and
// 0 when neither replaces the other. Releases are ordered by version. Builds without a release tag
// are ordered by the times of their commits. Changed builds of one commit, and builds of unknown
// commits, are ordered by the times when they were linked.
func (b Build) Compare(other Build) int {
	if b.Fingerprint != "" && b.Fingerprint == other.Fingerprint {
		return 0
	}
	own, err := utilversion.ParseSemantic(b.Version)
	if err != nil {
		return 0
	}
	theirs, err := utilversion.ParseSemantic(other.Version)
	if err != nil {
		return 0
	}
	switch {
	case untagged(b.Version) && untagged(other.Version):
		return b.compareSources(other)
	case own.LessThan(theirs):
		return -1
	case theirs.LessThan(own):
		return 1
	case b.Development() || other.Development():
		return b.compareSources(other)
	}
	return 0
}

// compareSources compares development builds, whose versions have no order.
func (b Build) compareSources(other Build) int {
	switch {
	case known(b.Committed, other.Committed) && !b.Committed.Equal(other.Committed):
		return b.Committed.Compare(other.Committed)
	case b.Revision != "" && b.Revision == other.Revision && !b.Modified && !other.Modified:
		return 0
	case known(b.Linked, other.Linked):
		return b.Linked.Compare(other.Linked)
	}
	return 0
}

// untagged reports whether a version was not derived from a release tag. Such versions, rdd's own
// and the Go tool's pseudo-versions, have no order among each other.
func untagged(version string) bool { return strings.HasPrefix(version, "v0.0.0-") }

// Development reports whether a build is of no release. Compare orders such builds by times, which
// does not mean that the later one has what the earlier one has.
func (b Build) Development() bool {
	return untagged(b.Version) || b.Modified || strings.Contains(b.Version, "-0.dev.")
}

func known(times ...time.Time) bool {
	for _, t := range times {
		if t.IsZero() {
			return false
		}
	}
	return true
}
