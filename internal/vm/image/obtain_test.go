// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeFetcher has a content, or an error, for each location.
type fakeFetcher struct {
	content map[string]string
	fail    map[string]error
	// asked are the locations that were fetched, known with what the last one was.
	asked []string
	known []Version
}

func (f *fakeFetcher) Fetch(_ context.Context, source Source, known []Version, dir string, _ func(Progress)) ([]Version, error) {
	location := source.Disk.Location
	f.asked, f.known = append(f.asked, location), known
	if err := f.fail[location]; err != nil {
		return nil, err
	}
	content := f.content[location]
	if len(known) > 0 && known[0].ETag == content {
		return nil, ErrUnchanged
	}
	out := filepath.Join(dir, OutDir)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(out, DiskFile), []byte(content), 0o600); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(content))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	manifest := Manifest{
		Name: source.ShortName(), Digest: digest, Created: epoch, Format: FormatQCOW2,
		Parts: map[string]Part{PartDisk: {Location: location, Digests: []string{digest}}},
	}
	return []Version{{Location: location, ETag: content}}, manifest.Write(out)
}

const nowhere, here = "http://nowhere/disk.img", "http://here/disk.img"

func obtain(t *testing.T, s *Store, locations ...string) (Image, error) {
	t.Helper()
	var sources []Source
	for _, location := range locations {
		sources = append(sources, Source{Disk: File{Location: location}})
	}
	return s.Obtain(t.Context(), sources, nil)
}

func fetchingStore(t *testing.T) (*Store, *fakeFetcher) {
	t.Helper()
	fetcher := &fakeFetcher{content: map[string]string{here: "a"}, fail: map[string]error{}}
	s := testStore(t, fakeBuild("built", epoch))
	s.fetcher = fetcher
	return s, fetcher
}

func TestObtainTriesTheNextSourceOnlyWhenOneIsUnavailable(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		next bool
	}{
		"unavailable":  {&UnavailableError{Location: nowhere, Reason: "404"}, true},
		"interrupted":  {&InterruptedError{Location: nowhere}, false},
		"wrong digest": {&DigestError{Location: nowhere}, false},
		"wrong format": {&FormatError{Location: nowhere}, false},
		"another":      {errors.New("broken"), false},
	} {
		s, fetcher := fetchingStore(t)
		fetcher.fail[nowhere] = tc.err
		_, err := obtain(t, s, nowhere, here)
		if tc.next != (err == nil) || !tc.next && !errors.Is(err, tc.err) {
			t.Errorf("%s: got %v", name, err)
		}
		if tc.next != (len(fetcher.asked) == 2) {
			t.Errorf("%s: asked %q", name, fetcher.asked)
		}
	}
}

func TestObtainTakesWhatIsBuilt(t *testing.T) {
	s, fetcher := fetchingStore(t)
	image, err := obtain(t, s, Scheme+"docker", here)
	if err != nil || image.Name != "docker" || len(fetcher.asked) > 0 {
		t.Errorf("got %+v, %v; asked %q", image, err, fetcher.asked)
	}
}

// The location of a cached image is asked whether it has changed. The image is kept when it has
// not, or when that cannot be found out.
func TestObtainAsksAboutWhatIsCached(t *testing.T) {
	s, fetcher := fetchingStore(t)
	first, err := obtain(t, s, here)
	if err != nil || fetcher.known != nil {
		t.Fatalf("got %v; known before: %v", err, fetcher.known)
	}
	for _, failure := range []error{nil, &UnavailableError{Location: here}, &InterruptedError{Location: here}} {
		fetcher.fail[here] = failure
		again, err := obtain(t, s, here)
		if err != nil || again.Disk != first.Disk {
			t.Errorf("%v: got %s, %v; want %s", failure, again.Disk, err, first.Disk)
		}
		if len(fetcher.known) != 1 || fetcher.known[0].ETag != "a" {
			t.Errorf("%v: asked about %+v", failure, fetcher.known)
		}
	}
	fetcher.fail[here], fetcher.content[here] = nil, "b"
	changed, err := obtain(t, s, here)
	if err != nil || changed.Disk == first.Disk || !strings.HasPrefix(changed.Disk, s.dir) {
		t.Errorf("got %s, %v; want another image than %s", changed.Disk, err, first.Disk)
	}
	checkNoPartial(t, s)
}
