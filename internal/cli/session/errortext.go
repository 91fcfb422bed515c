// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// errorText is the text of an error for people. The URLs of rdd's own API, which say nothing to
// them, are left out, and so are the queries and passwords of other URLs, which may be secret.
func errorText(err error) string {
	text := err.Error()
	for _, request := range requests(err) {
		text = strings.ReplaceAll(text, request.Error(), requestText(request))
	}
	return text
}

// requests returns the failed HTTP requests in the tree of an error.
func requests(err error) []*url.Error {
	switch wrapped := err.(type) { //nolint:errorlint // it goes through the tree itself
	case *url.Error:
		return []*url.Error{wrapped}
	case interface{ Unwrap() error }:
		return requests(wrapped.Unwrap())
	case interface{ Unwrap() []error }:
		var found []*url.Error
		for _, each := range wrapped.Unwrap() {
			found = append(found, requests(each)...)
		}
		return found
	}
	return nil
}

// requestText is the text of a request that failed.
func requestText(request *url.Error) string {
	if errors.Is(request.Err, context.Canceled) {
		return "interrupted"
	}
	target, err := url.Parse(request.URL)
	if err != nil {
		return request.Err.Error()
	}
	if address := net.ParseIP(target.Hostname()); address != nil && address.IsLoopback() {
		return request.Err.Error()
	}
	target.RawQuery, target.Fragment = "", ""
	return fmt.Sprintf("%s %q: %s", request.Op, target.Redacted(), request.Err)
}
