// SPDX-License-Identifier: Apache-2.0

// Package redirect decides which redirections a download follows: none that gives up the protection
// of https. What it follows learns nothing of the URL before, whose query may be a signature.
package redirect

import (
	"fmt"
	"net/http"
)

// most is how many redirections are followed, as net/http does by default.
const most = 10

// InsecureError says that a server redirects from https to something else.
type InsecureError struct {
	// From and To are the schemes and hosts.
	From, To string
}

func (e *InsecureError) Error() string {
	return fmt.Sprintf("%s redirects to %s: the redirection gives up the protection of https, and is refused", e.From, e.To)
}

// Check is for http.Client.CheckRedirect. *InsecureError.
func Check(next *http.Request, before []*http.Request) error {
	last := before[len(before)-1]
	if last.URL.Scheme == "https" && next.URL.Scheme != "https" {
		return &InsecureError{From: last.URL.Scheme + "://" + last.URL.Host, To: next.URL.Scheme + "://" + next.URL.Host}
	}
	if len(before) >= most {
		return fmt.Errorf("stopped after %d redirections", most)
	}
	// net/http sets it to the URL before, its query included.
	next.Header.Del("Referer")
	return nil
}
