// SPDX-License-Identifier: Apache-2.0

package template

import (
	"maps"
	"testing"
)

func TestProxies(t *testing.T) {
	environment := map[string]string{
		"HTTP_PROXY": "http://upper", "http_proxy": "http://lower", "HTTPS_PROXY": "http://s", "no_proxy": "a,b", "PROXY": "x", "ftp_proxy": "",
	}
	got := Proxies(func(name string) string { return environment[name] })
	want := map[string]string{"http_proxy": "http://lower", "https_proxy": "http://s", "no_proxy": "a,b"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAddProxies(t *testing.T) {
	const other = "http://proxy.example:3128"
	both := func(lower, upper, value string) map[string]string {
		return map[string]string{lower: value, upper: value}
	}
	for _, tt := range []struct {
		name      string
		propagate bool
		env       map[string]string
		host      map[string]string
		want      map[string]string
	}{
		{"not wanted", false, nil, map[string]string{"http_proxy": other}, nil},
		{"none", true, nil, nil, nil},
		{"in both spellings", true, nil, map[string]string{"http_proxy": other}, both("http_proxy", "HTTP_PROXY", other)},
		{"env wins", true, map[string]string{"http_proxy": "x"}, map[string]string{"http_proxy": other}, both("http_proxy", "HTTP_PROXY", "x")},
		{
			"env wins in the other spelling", true, map[string]string{"HTTP_PROXY": ""}, map[string]string{"http_proxy": other},
			both("http_proxy", "HTTP_PROXY", ""),
		},
		{"loopback stays in no_proxy", true, nil, map[string]string{"no_proxy": "127.0.0.1"}, both("no_proxy", "NO_PROXY", "127.0.0.1")},
		{"what is no line", true, nil, map[string]string{"http_proxy": "a\nb"}, nil},
		{"braces", true, nil, map[string]string{"http_proxy": "http://{{.X}}"}, both("http_proxy", "HTTP_PROXY", "http://{{.X}}")},
		{"every scheme", true, nil, map[string]string{"https_proxy": "socks5h://[::1]:1080"},
			both("https_proxy", "HTTPS_PROXY", "socks5h://host.lima.internal:1080")},
	} {
		got := Template{Env: tt.env, PropagateProxyEnv: tt.propagate}
		got.AddProxies(tt.host)
		if !maps.Equal(got.Env, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got.Env, tt.want)
		}
	}
}

func TestGuestProxy(t *testing.T) {
	for proxy, want := range map[string]string{
		"http://localhost:3128":               "http://host.lima.internal:3128",
		"http://LOCALHOST/":                   "http://host.lima.internal/",
		"http://127.0.0.1:3128":               "http://host.lima.internal:3128",
		"http://127.1.2.3:80/x":               "http://host.lima.internal:80/x",
		"https://u:p%40@[::1]:8080":           "https://u:p%40@host.lima.internal:8080",
		"http://[::ffff:127.0.0.1]":           "http://host.lima.internal",
		"127.0.0.1:3128":                      "host.lima.internal:3128",
		"localhost":                           "host.lima.internal",
		"localhost:3128":                      "host.lima.internal:3128",
		"http://localhost.example:3128":       "http://localhost.example:3128",
		"proxy.example:3128":                  "proxy.example:3128",
		"http://u:p@proxy.example/?127.0.0.1": "http://u:p@proxy.example/?127.0.0.1",
		"::not a proxy::":                     "::not a proxy::",
	} {
		if got := guestProxy(proxy); got != want {
			t.Errorf("%s: got %s, want %s", proxy, got, want)
		}
	}
}

func TestLoadTakesPropagateProxyEnv(t *testing.T) {
	got, err := Load([]byte(minimal+"propagateProxyEnv: true\n"), nil, testHost)
	if err != nil || !got.PropagateProxyEnv {
		t.Fatalf("%+v, %v", got, err)
	}
	roundTrip(t, got)
}
