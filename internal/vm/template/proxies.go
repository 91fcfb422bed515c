// SPDX-License-Identifier: Apache-2.0

package template

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// noProxy names the hosts that are reached without a proxy.
const noProxy = "no_proxy"

// proxyNames are the proxy variables in lower case. Programs know either spelling.
var proxyNames = []string{"ftp_proxy", "http_proxy", "https_proxy", noProxy}

// Proxies returns the proxy variables of an environment, by their lower-case names. get reads a
// variable, "" when there is none. Of two spellings the lower-case one wins.
func Proxies(get func(name string) string) map[string]string {
	found := map[string]string{}
	for _, lower := range proxyNames {
		for _, name := range []string{strings.ToUpper(lower), lower} {
			if value := get(name); value != "" {
				found[lower] = value
			}
		}
	}
	return found
}

// AddProxies gives a guest the host's proxy variables, which are those of Proxies, if the template
// says so. What env has wins, in either spelling. A proxy on the host's own loopback is on
// LimaHost for the guest.
func (t *Template) AddProxies(host map[string]string) {
	if !t.PropagateProxyEnv {
		return
	}
	for _, name := range proxyNames {
		value := host[name]
		_, lower := t.Env[name]
		_, upper := t.Env[strings.ToUpper(name)]
		if value == "" || lower || upper || !isLine(value) {
			continue
		}
		if name != noProxy {
			value = guestProxy(value)
		}
		if t.Env == nil {
			t.Env = map[string]string{}
		}
		t.Env[name] = value
	}
	sameProxies(t.Env)
}

// guestProxy is a proxy of the host's as the guest reaches it. Text that is no proxy stays.
func guestProxy(proxy string) string {
	text, bare := proxy, !strings.Contains(proxy, "://")
	if bare {
		text = "http://" + proxy
	}
	parsed, err := url.Parse(text)
	if err != nil || !isLoopback(parsed.Hostname()) {
		return proxy
	}
	port := parsed.Port()
	if parsed.Host = LimaHost; port != "" {
		parsed.Host = net.JoinHostPort(LimaHost, port)
	}
	if bare {
		return strings.TrimPrefix(parsed.String(), "http://")
	}
	return parsed.String()
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// sameProxies sets both spellings of each proxy variable, as Lima does: some programs know only one
// of them. Where they differ the lower-case one wins.
func sameProxies(env map[string]string) {
	for _, lower := range proxyNames {
		upper := strings.ToUpper(lower)
		if value, ok := env[lower]; ok {
			env[upper] = value
		} else if value, ok := env[upper]; ok {
			env[lower] = value
		}
	}
}
