// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/image"
)

func TestDigestIsCachedWhereverItCameFrom(t *testing.T) {
	data := rawDisk(1, 1<<20)
	s, from := fetchStore(t), serve(t, data)
	first := mustObtain(t, s, from.source(sha256Digest(data)))
	from.Close()
	mirror := image.Source{Disk: image.File{Location: "http://127.0.0.1:1/elsewhere.img", Digest: sha256Digest(data)}}
	if again := mustObtain(t, s, mirror); again.Disk != first.Disk {
		t.Errorf("got %s, want %s", again.Disk, first.Disk)
	}
}

func TestUnchangedFileIsNotDownloadedAgain(t *testing.T) {
	s, from := fetchStore(t), serve(t, rawDisk(1, 1<<20))
	first, second := mustObtain(t, s, from.source("")), mustObtain(t, s, from.source(""))
	if first.Disk != second.Disk {
		t.Errorf("got %s and %s", first.Disk, second.Disk)
	}
	if asked := from.asked("If-None-Match"); len(asked) != 2 || asked[1] != `"first"` {
		t.Errorf("If-None-Match: %q", asked)
	}
	checkNoPartial(t, s)
}

func TestChangedFileIsAnotherImage(t *testing.T) {
	s, from := fetchStore(t), serve(t, rawDisk(1, 1<<20))
	first := mustObtain(t, s, from.source(""))
	from.change(rawDisk(2, 1<<20), `"second"`)
	second := mustObtain(t, s, from.source(""))
	checkDisk(t, second, rawDisk(2, 1<<20))
	checkDisk(t, first, rawDisk(1, 1<<20))
	for _, entry := range mustList(t, s) {
		if entry.Current != (entry.Digest == second.Digest) {
			t.Errorf("%s: current is %t", entry.ID(), entry.Current)
		}
	}
	if pruned, err := s.Prune(false); err != nil || len(pruned.Images) != 1 || pruned.Images[0].Digest != first.Digest {
		t.Errorf("pruned %+v, %v; want the image that nothing leads to any more", pruned, err)
	}
}

func TestCachedImageDoesWhenTheServerIsAway(t *testing.T) {
	s, from := fetchStore(t), serve(t, rawDisk(1, 1<<20))
	first := mustObtain(t, s, from.source(""))
	from.answer(func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	if again := mustObtain(t, s, from.source("")); again.Disk != first.Disk {
		t.Errorf("404: got %s, want %s", again.Disk, first.Disk)
	}
	from.answer(func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	before := len(from.asked("Range"))
	if again := mustObtain(t, s, from.source("")); again.Disk != first.Disk {
		t.Errorf("503: got %s, want %s", again.Disk, first.Disk)
	}
	if n := len(from.asked("Range")) - before; n != 1 {
		t.Errorf("a server that is not needed was asked %d times", n)
	}
	from.Close()
	if again := mustObtain(t, s, from.source("")); again.Disk != first.Disk {
		t.Errorf("no server: got %s, want %s", again.Disk, first.Disk)
	}
}

func TestFileThatCannotBeCheckedIsKept(t *testing.T) {
	s, from := fetchStore(t), serve(t, rawDisk(1, 1<<20))
	from.etag = ""
	mustObtain(t, s, from.source(""))
	mustObtain(t, s, from.source(""))
	if n := len(from.asked("Range")); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// A password in a URL is sent and never written down or shown.
func TestPasswordIsNotKept(t *testing.T) {
	data := rawDisk(1, 1<<20)
	s, from := fetchStore(t), serve(t, data)
	location := strings.Replace(from.location(), "http://", "http://me:secret@", 1)
	from.answer(func(n int, w http.ResponseWriter, r *http.Request) bool {
		if user, password, ok := r.BasicAuth(); !ok || user != "me" || password != "secret" {
			t.Errorf("the server got %q, %q", user, password)
		}
		switch n {
		case 1:
			return from.cut(w, r, 1000)
		case 2:
			w.WriteHeader(http.StatusNotFound)
			return true
		}
		return false
	})
	source := image.Source{Disk: image.File{Location: location}}
	if _, err := s.Obtain(t.Context(), []image.Source{source}, nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	img := mustObtain(t, s, source)
	checkDisk(t, img, data)
	if mustObtain(t, s, source).Disk != img.Disk || !image.PartsMatch(img.Parts, source) {
		t.Error("the image is not found by its location")
	}
	err := filepath.WalkDir(s.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("secret")) {
			t.Errorf("%s holds the password", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
