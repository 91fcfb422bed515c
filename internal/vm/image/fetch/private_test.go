// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

func TestRedirectionFromHTTPSIsRefused(t *testing.T) {
	plain := serve(t, rawDisk(1, 1<<20))
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.location(), http.StatusFound))
	t.Cleanup(secure.Close)
	s := fetchStore(t)
	s.fetcher.client.Transport = secure.Client().Transport
	location := secure.URL + "/disk.raw"
	_, err := s.Obtain(t.Context(), []image.Source{{Disk: image.File{Location: location}}}, nil)
	if !errors.As(err, new(*image.UnavailableError)) || vm.FaultOf(err).Kind != vm.FaultImageMissing ||
		!strings.Contains(err.Error(), location+" is not available: ") || !strings.Contains(err.Error(), "gives up the protection of https") {
		t.Errorf("got %v", err)
	}
	if asked := plain.asked("Host"); len(asked) > 0 {
		t.Error("the redirection was followed")
	}
	checkNothingCached(t, s)
	checkNoPartial(t, s)
}

// The signature and the password in a URL are sent, and are neither shown nor stored.
func TestSecretsOfURLsAreKept(t *testing.T) {
	const secret = "s3cr3t"
	private := func(from *server, digest string) image.Source {
		url := strings.Replace(from.location(), "://", "://me:"+secret+"@", 1) + "?X-Signature=" + secret
		return image.Source{Disk: image.File{Location: url, Digest: digest}}
	}
	status := func(code int) func(int, http.ResponseWriter, *http.Request) bool {
		return func(_ int, w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(code); return true }
	}
	for name, tc := range map[string]struct {
		data      []byte
		digest    string
		misbehave func(int, http.ResponseWriter, *http.Request) bool
	}{
		"missing": {nil, "", status(http.StatusNotFound)}, "busy": {nil, "", status(http.StatusServiceUnavailable)},
		"no server": {nil, "", func(int, http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }},
		"wrong":     {rawDisk(1, 1<<20), sha256Digest(nil), nil}, "no disk": {[]byte("<html>"), "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, from := fetchStore(t), serve(t, tc.data)
			from.answer(tc.misbehave)
			_, err := s.Obtain(t.Context(), []image.Source{private(from, tc.digest)}, nil)
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v", err)
			}
			checkWithout(t, s.dir, secret)
		})
	}
	s, from := fetchStore(t), serve(t, rawDisk(1, 1<<20))
	source := private(from, "")
	mustObtain(t, s, source)
	checkWithout(t, s.dir, secret)
	if entries := mustList(t, s); len(entries) != 1 || !image.PartsMatch(entries[0].Parts, source) {
		t.Errorf("it is not found again: %+v", entries)
	}
	// A query may be what tells two files from each other.
	source.Disk.Location += "2"
	if entries := mustList(t, s); image.PartsMatch(entries[0].Parts, source) {
		t.Error("another query counts as the same file")
	}
	if got := from.asked("Authorization"); len(got) == 0 || got[0] == "" {
		t.Errorf("the password was not sent: %q", got)
	}
}

// checkWithout makes sure that no file below dir holds text.
func checkWithout(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), text) {
			t.Errorf("%s: %s", path, data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
