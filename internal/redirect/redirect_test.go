// SPDX-License-Identifier: Apache-2.0

package redirect_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/redirect"
)

// get follows redirections of a chain of servers, each plain or TLS, and returns the headers that
// the last one got.
func get(t *testing.T, tls ...bool) (http.Header, error) {
	t.Helper()
	var got http.Header
	target, client := "", &http.Client{CheckRedirect: redirect.Check}
	for i := len(tls) - 1; i >= 0; i-- {
		next := target
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if next == "" {
				got = r.Header
				return
			}
			http.Redirect(w, r, next, http.StatusFound)
		}))
		if tls[i] {
			server.StartTLS()
			client.Transport = server.Client().Transport
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		target = strings.Replace(server.URL, "://", "://me:secret@", 1) + "/disk.img?sig=s"
		if i > 0 {
			target = server.URL + "/next"
		}
	}
	response, err := client.Get(target)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return got, errors.Join(err, response.Body.Close())
}

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		tls     []bool
		refused bool
	}{
		"none": {[]bool{true}, false}, "plain": {[]bool{false, false}, false}, "to TLS": {[]bool{false, true}, false},
		"within TLS": {[]bool{true, true}, false}, "from TLS": {[]bool{true, false}, true}, "back again": {[]bool{true, false, true}, true},
		"later": {[]bool{false, true, false}, true},
	} {
		t.Run(name, func(t *testing.T) {
			headers, err := get(t, tc.tls...)
			var insecure *redirect.InsecureError
			if errors.As(err, &insecure) != tc.refused || !tc.refused && err != nil {
				t.Fatalf("got %v", err)
			}
			if referer := headers.Get("Referer"); referer != "" {
				t.Errorf("the next server learns of %s", referer)
			}
			if len(tc.tls) > 1 && headers.Get("Authorization") != "" {
				t.Error("the next server gets the password")
			}
		})
	}
}

func TestManyRedirections(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/again", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	response, err := (&http.Client{CheckRedirect: redirect.Check}).Get(server.URL)
	if err == nil || !strings.Contains(err.Error(), "stopped after 10 redirections") {
		t.Errorf("got %v", err)
	}
	if response != nil {
		_ = response.Body.Close()
	}
}
