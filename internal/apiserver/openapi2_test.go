// SPDX-License-Identifier: Apache-2.0

package apiserver

import "testing"

func TestNegotiate(t *testing.T) {
	for accept, want := range map[string]string{
		"":                 jsonType,
		"*/*":              jsonType,
		"application/json": jsonType,
		"application/*":    jsonType,
		"application/com.github.proto-openapi.spec.v2@v1.0+protobuf":                         protobufType,
		"application/com.github.proto-openapi.spec.v2.v1.0+protobuf":                         protobufType,
		"application/json;q=0.5, application/com.github.proto-openapi.spec.v2.v1.0+protobuf": protobufType,
		"text/html":            "",
		"text/html, */*;q=0.1": jsonType,
	} {
		if got := negotiate(accept); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
}
