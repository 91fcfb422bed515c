// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"net/url"
	"regexp"
	"strings"
)

// hidden stands for what is left out of a URL.
const hidden = "xxxxx"

// Redacted returns the location of a file as it may be shown and stored. Of an http(s) URL, the
// password is left out, a user name without one, which may be a token, and the query, which may be
// a signature. Paths stay as they are.
func Redacted(location string) string {
	if !strings.HasPrefix(location, "http://") && !strings.HasPrefix(location, "https://") {
		return location
	}
	u, err := url.Parse(location)
	if err != nil {
		return redactedText(location)
	}
	if u.User != nil {
		if _, both := u.User.Password(); both {
			u.User = url.UserPassword(u.User.Username(), hidden)
		} else {
			u.User = url.User(hidden)
		}
	}
	if u.RawQuery != "" {
		u.RawQuery = hidden
	}
	return u.String()
}

// redactedText redacts what looks like an http(s) URL and cannot be parsed.
func redactedText(location string) string {
	scheme, rest, _ := strings.Cut(location, "://")
	rest, _, query := strings.Cut(rest, "?")
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest = hidden + rest[i:]
	}
	if query {
		rest += "?" + hidden
	}
	return scheme + "://" + rest
}

var urlPattern = regexp.MustCompile("https?://[^\\s\"'`<>]+")

// RedactedURLs returns a text with every http(s) URL in it redacted: see Redacted. It is for the
// messages of programs and libraries that quote URLs.
func RedactedURLs(text string) string { return urlPattern.ReplaceAllStringFunc(text, Redacted) }
