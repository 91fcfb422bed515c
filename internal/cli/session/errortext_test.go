// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
)

func TestErrorText(t *testing.T) {
	request := func(target string, err error) error { return &url.Error{Op: "Get", URL: target, Err: err} }
	refused := errors.New("connection refused")
	const api = "https://127.0.0.1:6445/apis/app.rancherdesktop.io/v1alpha1/apps/app"
	for _, test := range []struct {
		err  error
		want string
	}{
		{errors.New("plain"), "plain"},
		{fmt.Errorf("reading the App: %w", request(api, context.Canceled)), "reading the App: interrupted"},
		{fmt.Errorf("reading the App: %w", request(api, context.DeadlineExceeded)), "reading the App: context deadline exceeded"},
		{fmt.Errorf("reading the App: %w", request(api, refused)), "reading the App: connection refused"},
		{request("https://[::1]:6445/api", refused), "connection refused"},
		{
			fmt.Errorf("downloading: %w", request("https://me:secret@example.com/image.qcow2?sig=secret#x", refused)),
			`downloading: Get "https://me:xxxxx@example.com/image.qcow2": connection refused`,
		},
		{
			errors.Join(request(api, refused), fmt.Errorf("again: %w", request("http://a.example/?token=secret", refused))),
			"connection refused\nagain: Get \"http://a.example/\": connection refused",
		},
		{request("http://a b/?secret", refused), "connection refused"},
	} {
		if got := errorText(test.err); got != test.want {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
}
