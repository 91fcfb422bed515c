// SPDX-License-Identifier: Apache-2.0

package template

import (
	"net/netip"
	"slices"
)

const (
	maxPort = 65535
	// sshPort is where a guest's sshd usually listens. QEMU forwards it, so the rules leave it out.
	sshPort = 22
	// loopback and anyAddress are Lima's defaults for the addresses of a rule.
	loopback   = "127.0.0.1"
	anyAddress = "0.0.0.0"
)

// HostEnd is where on the host a port of the guest is forwarded to: a Unix socket, or an address
// and a port.
type HostEnd struct {
	Socket string
	IP     netip.Addr
	Port   int
}

// String is a socket's path, or "address:port".
func (e HostEnd) String() string {
	if e.Socket != "" {
		return e.Socket
	}
	return netip.AddrPortFrom(e.IP, uint16(e.Port)).String()
}

// PortRules lists the rules that decide what is forwarded, in the order in which they apply and
// with every default set.
//
// As with Lima, rules that ignore the ports of ssh come before the template's own, and the last one
// forwards what listens on the guest's loopback to the same port of the host's. A plain machine has
// its static rules only, and forwards nothing else. The defaults are those of Lima 2.0.
func (t *Template) PortRules() []PortForward { return t.PortRulesBeside(sshPort) }

// PortRulesBeside is PortRules for a guest whose ssh servers take other ports than 22.
func (t *Template) PortRulesBeside(sshPorts ...int) []PortForward {
	var rules []PortForward
	for _, port := range sshPorts {
		rules = append(rules, reserved(port))
	}
	if t.SSH.LocalPort != 0 {
		rules = append(rules, reserved(t.SSH.LocalPort))
	}
	if t.Plain {
		static := slices.DeleteFunc(slices.Clone(t.PortForwards), func(f PortForward) bool { return !f.Static })
		rules = append(append(rules, static...), PortForward{Ignore: true})
	} else {
		rules = append(append(rules, t.PortForwards...), PortForward{})
	}
	for i := range rules {
		rules[i].fill()
	}
	return rules
}

// Reversed lists the rules by which sockets of the guest lead to the host's. A plain machine has
// none.
func (t *Template) Reversed() []PortForward {
	if t.Plain {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(t.PortForwards), func(f PortForward) bool { return !f.Reverse })
}

// reserved is a rule that ignores a port on every address.
func reserved(port int) PortForward {
	mustBeZero := false
	return PortForward{GuestIP: anyAddress, GuestIPMustBeZero: &mustBeZero, GuestPort: port, Ignore: true}
}

// fill sets Lima's defaults. Only a rule with `ignore` that names no address differs: it means
// every one, as who writes it wants nothing to be forwarded. With Lima it would leave what listens
// on all addresses.
func (f *PortForward) fill() {
	setDefault(&f.Proto, ProtoAny)
	if f.Ignore && f.GuestIP == "" && (f.GuestIPMustBeZero == nil || !*f.GuestIPMustBeZero) {
		f.GuestIP, f.GuestIPMustBeZero = anyAddress, new(bool)
	}
	if f.GuestIPMustBeZero != nil && *f.GuestIPMustBeZero {
		setDefault(&f.GuestIP, anyAddress)
	}
	setDefault(&f.GuestIP, loopback)
	if f.GuestIPMustBeZero == nil {
		exact := address(f.GuestIP) == netip.IPv4Unspecified()
		f.GuestIPMustBeZero = &exact
	}
	setDefault(&f.HostIP, loopback)
	setDefault(&f.GuestPortRange, PortRange{f.GuestPort, f.GuestPort})
	setDefault(&f.GuestPortRange, PortRange{1, maxPort})
	setDefault(&f.HostPortRange, PortRange{f.HostPort, f.HostPort})
	setDefault(&f.HostPortRange, f.GuestPortRange)
}

// MatchPort returns where on the host a listening port of the guest is forwarded to, by rules of
// PortRules. proto is ProtoTCP or ProtoUDP. forward is false when the port is not forwarded.
//
// The first rule that matches decides. A port that listens on every address matches a rule for any
// one address, but one with `ignore` only if that is for every address as well or names none. A
// port that listens on ::1 matches a rule for 127.0.0.1.
func MatchPort(rules []PortForward, proto string, guestIP netip.Addr, guestPort int) (end HostEnd, forward bool) {
	end, forward, _ = FindPort(rules, proto, guestIP, guestPort)
	return end, forward
}

// FindPort is MatchPort that also reports whether any rule matched: one with `ignore` does as well.
func FindPort(rules []PortForward, proto string, guestIP netip.Addr, guestPort int) (end HostEnd, forward, matched bool) {
	guestIP = guestIP.Unmap()
	for _, rule := range rules {
		if !rule.matches(proto, guestIP, guestPort) {
			continue
		}
		if rule.Ignore {
			return HostEnd{}, false, true
		}
		return rule.hostEnd(guestPort), true, true
	}
	return HostEnd{}, false, false
}

func (f PortForward) matches(proto string, guestIP netip.Addr, guestPort int) bool {
	if f.GuestSocket != "" || f.Proto != ProtoAny && f.Proto != proto {
		return false
	}
	return f.GuestPortRange.contains(guestPort) && f.matchesIP(guestIP)
}

// matchesIP applies the rules for addresses that MatchPort documents.
func (f PortForward) matchesIP(guestIP netip.Addr) bool {
	ruleIP := address(f.GuestIP)
	switch {
	case guestIP.IsUnspecified():
		return !f.Ignore || ruleIP.IsUnspecified()
	case ruleIP.IsUnspecified():
		return !*f.GuestIPMustBeZero
	case guestIP == netip.IPv6Loopback():
		return ruleIP == guestIP || ruleIP == address(loopback)
	default:
		return ruleIP == guestIP
	}
}

// hostEnd maps a port of the rule's range.
func (f PortForward) hostEnd(guestPort int) HostEnd {
	if f.HostSocket != "" {
		return HostEnd{Socket: f.HostSocket}
	}
	return HostEnd{IP: address(f.HostIP), Port: f.HostPortRange[0] + guestPort - f.GuestPortRange[0]}
}

// address reads an IP address of a validated template. For any other text it returns the zero Addr,
// which equals no address.
func address(text string) netip.Addr {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap()
}
