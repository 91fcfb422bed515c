// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// protoUnix is the protocol of forwards whose host's end is a socket.
const protoUnix = "unix"

// key identifies the host's end of a forward.
type key struct{ proto, host string }

// route is a way from the host into the guest as it should be.
type route struct {
	key
	// guest is the guest's end as it is reported.
	guest string
	// targets are the addresses in the guest; the first that answers is used. A UDP route has none.
	targets []target
	// guestPort of a UDP route, and whether it is a port of the guest's loopback.
	guestPort uint16
	loopback  bool
	// own says that the template has a rule for it; others follow from the rule that forwards the
	// guest's loopback.
	own bool
	// err is why this route is not possible.
	err string
	// of is the host's address on 127.0.0.1 or 0.0.0.0 that a route from ::1 goes with; empty for
	// others.
	of string
}

// target is an address in the guest, as sshx.Link.Dial takes it.
type target struct{ network, address string }

// forward is the state of the route: err is why it could not be opened.
func (r route) forward(err string) vm.Forward {
	return vm.Forward{Protocol: r.proto, Host: r.host, Guest: r.guest, Error: cmp.Or(r.err, err)}
}

// sockets plans the routes to the guest's Unix sockets, which are forwarded whether or not anybody
// listens on them.
func sockets(rules []template.PortForward) []route {
	var routes []route
	for _, rule := range rules {
		if rule.GuestSocket == "" || rule.Ignore || rule.Reverse {
			continue
		}
		r := route{own: true, guest: rule.GuestSocket, targets: []target{{protoUnix, rule.GuestSocket}}}
		if rule.HostSocket != "" {
			r.key = key{protoUnix, rule.HostSocket}
		} else {
			r.key = key{template.ProtoTCP, net.JoinHostPort(rule.HostIP, strconv.Itoa(rule.HostPortRange[0]))}
		}
		routes = append(routes, r)
	}
	return routes
}

// static plans the routes of static rules, which are open whether or not anybody listens. Of ports
// that several rules have on the host the first gets one.
func static(rules []template.PortForward) []route {
	var routes []route
	for _, rule := range rules {
		if !rule.Static {
			continue
		}
		ip, err := netip.ParseAddr(rule.GuestIP)
		if err != nil {
			continue // no valid template has that
		}
		for port := rule.GuestPortRange[0]; port <= rule.GuestPortRange[1]; port++ {
			host := net.JoinHostPort(rule.HostIP, strconv.Itoa(rule.HostPortRange[0]+port-rule.GuestPortRange[0]))
			l := Listener{Proto: template.ProtoTCP, Addr: netip.AddrPortFrom(ip, uint16(port))}
			r := route{key: key{template.ProtoTCP, host}, guest: l.Addr.String(), targets: targetsOf(l)}
			if !slices.ContainsFunc(routes, func(known route) bool { return known.key == r.key }) {
				routes = append(routes, r)
			}
		}
	}
	return routes
}

// targetsOf are the addresses of a TCP listener in the guest.
func targetsOf(l Listener) []target {
	var targets []target
	for _, address := range targetAddresses(l.Addr.Addr()) {
		targets = append(targets, target{"tcp", netip.AddrPortFrom(address, l.Addr.Port()).String()})
	}
	return targets
}

// plan decides the routes for the guest's listeners.
func plan(rules []template.PortForward, listeners []Listener) []route {
	routes := append(sockets(rules), static(rules)...)
	first := map[key]int{}
	for i, r := range slices.Backward(routes) {
		first[r.key] = i
	}
	for _, l := range slices.SortedFunc(slices.Values(listeners), compare) {
		r, wanted := toListener(rules, l)
		if !wanted {
			continue
		}
		i, known := first[r.key]
		switch {
		case r.host == "":
			routes = append(routes, r)
			continue
		case !known:
			first[r.key] = len(routes)
			routes = append(routes, r)
		case routes[i].sameService(l):
			routes[i].targets = append(routes[i].targets, r.targets...)
		default:
			r.err = fmt.Sprintf("%s already leads to %s of the guest", r.host, routes[i].guest)
			routes = append(routes, r)
		}
	}
	refuseDoubles(routes)
	return withoutKnown(routes)
}

// refuseDoubles refuses a UDP port of the guest's loopback when the same port of its own address is
// forwarded: QEMU sends to one address only.
func refuseDoubles(routes []route) {
	own := map[uint16]string{}
	for _, r := range routes {
		if r.proto == template.ProtoUDP && r.err == "" && !r.loopback {
			own[r.guestPort] = r.guest
		}
	}
	for i := range routes {
		if r := &routes[i]; r.loopback && r.err == "" && own[r.guestPort] != "" {
			r.err = fmt.Sprintf("the guest's UDP port %d is forwarded already, to %s", r.guestPort, own[r.guestPort])
		}
	}
}

// compare orders listeners: the first one gets a port of the host that several could be forwarded
// to. TCP, IPv4 and every address come first.
func compare(a, b Listener) int {
	first := func(yes bool) int {
		if yes {
			return -1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(a.Proto, b.Proto),
		cmp.Compare(a.Addr.Port(), b.Addr.Port()),
		cmp.Compare(first(a.Addr.Addr().Is4()), first(b.Addr.Addr().Is4())),
		cmp.Compare(first(a.Addr.Addr().IsUnspecified()), first(b.Addr.Addr().IsUnspecified())),
		a.Addr.Compare(b.Addr),
	)
}

// sameService reports whether l is most likely the service of the route on another address: it has
// the same port.
func (r route) sameService(l Listener) bool {
	at, err := netip.ParseAddrPort(r.guest)
	return err == nil && at.Port() == l.Addr.Port()
}

// toListener plans the route to one listener; false when the rules ignore it.
func toListener(rules []template.PortForward, l Listener) (route, bool) {
	end, forward, matched := template.FindPort(rules, l.Proto, l.Addr.Addr(), int(l.Addr.Port()))
	switch {
	case !matched:
		return unmatched(l)
	case !forward || l.Addr.Addr().IsLinkLocalUnicast() || l.Addr.Addr().IsMulticast():
		return route{}, false
	}
	r, wanted := toEnd(end, l)
	// The last rule is the default: see template.PortRules.
	_, r.own = template.MatchPort(rules[:len(rules)-1], l.Proto, l.Addr.Addr(), int(l.Addr.Port()))
	return r, wanted
}

// toEnd plans the route from an end on the host to a listener.
func toEnd(end template.HostEnd, l Listener) (route, bool) {
	r := route{key: key{l.Proto, end.String()}, guest: l.Addr.String()}
	if l.Proto == template.ProtoUDP {
		return toUDP(r, end, l)
	}
	if end.Socket != "" {
		r.proto = protoUnix
	}
	r.targets = targetsOf(l)
	return r, true
}

// toUDP completes a route that QEMU forwards, with the reason when it cannot.
func toUDP(r route, end template.HostEnd, l Listener) (route, bool) {
	ip := l.Addr.Addr()
	r.guestPort, r.loopback = l.Addr.Port(), ip.IsLoopback()
	switch {
	case r.loopback && r.guestPort == chronyPort:
		return route{}, false
	case r.loopback && ip != v4Loopback():
		r.err = fmt.Sprintf("UDP on the guest's %s cannot be forwarded; let the program listen on 127.0.0.1 or on all addresses", ip)
	case end.Socket != "":
		r.err = "UDP cannot be forwarded to a socket"
	case !end.IP.Is4():
		r.err = "UDP can only be forwarded from an IPv4 address"
	}
	return r, true
}

func v4Loopback() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// targetAddresses are the addresses by which a listener on ip is reached. One on every IPv6 address
// usually serves IPv4 as well.
func targetAddresses(ip netip.Addr) []netip.Addr {
	v4, v6 := v4Loopback(), netip.IPv6Loopback()
	switch ip {
	case netip.IPv4Unspecified():
		return []netip.Addr{v4}
	case netip.IPv6Unspecified():
		return []netip.Addr{v4, v6}
	default:
		return []netip.Addr{ip}
	}
}
