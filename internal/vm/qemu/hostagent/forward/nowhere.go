// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"net/netip"
	"slices"

	"rancherdesktop.io/rdd/internal/vm/template"
)

const (
	// namesPort is where rdd-names.service of rdd's images answers containers.
	namesPort = 65353
	// formerNamesPort is where it does in older images.
	formerNamesPort = 15353
)

// ofTheSystem reports whether a listener belongs to the guest's system, and is of no use elsewhere:
// systemd-resolved, chronyd, DHCP clients, and rdd's own server of names.
func ofTheSystem(l Listener) bool {
	ip, port := l.Addr.Addr(), l.Addr.Port()
	switch {
	case ip == netip.AddrFrom4([4]byte{127, 0, 0, 53}), ip == netip.AddrFrom4([4]byte{127, 0, 0, 54}):
		return port == 53
	case l.Proto == template.ProtoUDP && ip.IsLoopback():
		return port == chronyPort
	case ip.IsLoopback():
		return false
	case l.Proto == template.ProtoUDP && (port == 68 || port == 546):
		return true
	}
	return port == namesPort || port == formerNamesPort
}

// unmatched plans what no rule of the template is for, so that no listener of the guest is silent.
// An address of the loopback leads to the same one of the host. Any other is the guest's own, and
// nothing leads to it; it is only reported.
func unmatched(l Listener) (route, bool) {
	ip := l.Addr.Addr()
	switch {
	case ip.IsMulticast() || ofTheSystem(l):
		return route{}, false
	case ip.IsLoopback():
		return toEnd(template.HostEnd{IP: ip, Port: int(l.Addr.Port())}, l)
	}
	return route{
		key: key{proto: l.Proto}, guest: l.Addr.String(),
		err: "it is on an address of the guest's own; let the program listen on all addresses or on 127.0.0.1, or add a rule with " +
			"guestIP to portForwards in the template",
	}, true
}

// withoutKnown drops the routes that lead nowhere and whose port another route has.
func withoutKnown(routes []route) []route {
	port := func(guest string) uint16 {
		at, _ := netip.ParseAddrPort(guest) // 0 for a socket
		return at.Port()
	}
	return slices.DeleteFunc(routes, func(r route) bool {
		return r.host == "" && slices.ContainsFunc(routes, func(other route) bool {
			return other.host != "" && other.proto == r.proto && port(other.guest) == port(r.guest)
		})
	})
}

// ownAddress reports whether a UDP socket is on an address of the guest's own. Clients have such
// sockets, too, and only their answers show that: it takes long until one counts as a server's.
func ownAddress(l Listener) bool {
	ip := l.Addr.Addr()
	return l.Proto == template.ProtoUDP && !ip.IsUnspecified() && !ip.IsLoopback()
}

// both returns the routes with those that lead from the host's ::1 to where its 127.0.0.1, or all
// its IPv4 addresses, lead: programs take localhost for either.
func both(routes []route) []route {
	all := slices.Clone(routes)
	for _, r := range routes {
		at, err := netip.ParseAddrPort(r.host)
		if err != nil || r.err != "" || r.proto != template.ProtoTCP || at.Addr() != v4Loopback() && at.Addr() != netip.IPv4Unspecified() {
			continue
		}
		twin := r
		twin.host, twin.of = netip.AddrPortFrom(netip.IPv6Loopback(), at.Port()).String(), r.host
		if !slices.ContainsFunc(all, func(other route) bool { return other.key == twin.key }) {
			all = append(all, twin)
		}
	}
	return all
}
