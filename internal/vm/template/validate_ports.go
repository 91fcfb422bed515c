// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"net/netip"
)

// MaxSocketPath is how many bytes the path of a Unix socket may have on every platform: its address
// holds 104 on macOS, with the closing NUL. It goes for the sockets of templates and for those in
// instance directories.
const MaxSocketPath = 103

func (t *Template) validateForwards() error {
	for i, f := range t.PortForwards {
		if err := f.validate(fmt.Sprintf("portForwards[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func (f PortForward) validate(at string) error {
	filled := f
	filled.fill()
	for _, err := range []error{
		oneOf(at+".proto", filled.Proto, ProtoTCP, ProtoUDP, ProtoAny),
		validateIP(at+".guestIP", filled.GuestIP),
		validateIP(at+".hostIP", filled.HostIP),
		f.validateZero(at, filled),
		validatePorts(at, "guestPort", f.GuestPort, f.GuestPortRange),
		validatePorts(at, "hostPort", f.HostPort, f.HostPortRange),
		f.validateGuestSocket(at),
		f.validateHostSocket(at),
		f.validateStatic(at, filled),
		f.validateReverse(at),
	} {
		if err != nil {
			return err
		}
	}
	if f.GuestSocket != "" || f.HostSocket != "" {
		return nil
	}
	return filled.validateCounts(at)
}

// maxStatic bounds the ports of a static rule: each is open all the time.
const maxStatic = 100

func (f PortForward) validateStatic(at string, filled PortForward) error {
	switch {
	case !f.Static:
		return nil
	case f.GuestSocket != "" || f.HostSocket != "":
		return invalid(at+".static", "does not go with a socket, which is forwarded all the time anyway")
	case f.Ignore:
		return invalid(at+".static", "does not go with `ignore`")
	case f.Proto == ProtoUDP:
		return invalid(at+".static", "is for TCP: UDP is forwarded while something listens on it")
	case filled.GuestPortRange.count() > maxStatic:
		return invalid(at+".static", "must name the guest's port, or a range of at most %d", maxStatic)
	}
	return nil
}

// validateReverse accepts sockets only, as Lima does: the guest reaches the host's ports by name.
func (f PortForward) validateReverse(at string) error {
	switch {
	case !f.Reverse:
		return nil
	case f.GuestSocket == "" || f.HostSocket == "":
		return invalid(at+".reverse", "must go with `guestSocket` and `hostSocket`; a port of the host is reached as %s from the guest", LimaHost)
	}
	return nil
}

// validateCounts compares the lengths of the ranges of a filled rule without sockets.
func (f PortForward) validateCounts(at string) error {
	guest, host := f.GuestPortRange.count(), f.HostPortRange.count()
	switch {
	case guest == host:
		return nil
	case f.HostPort != 0:
		return invalid(at+".hostPort", "must go with one port of the guest: give `guestPort`")
	}
	return invalid(at+".hostPortRange", "must be as many ports as the guest's (%d); got %d", guest, host)
}

func validateIP(field, ip string) error {
	if parsed, err := netip.ParseAddr(ip); err != nil || parsed.Zone() != "" {
		return invalid(field, "must be an IP address; got `%s`", ip)
	}
	return nil
}

func (f PortForward) validateZero(at string, filled PortForward) error {
	if *filled.GuestIPMustBeZero && !address(filled.GuestIP).IsUnspecified() {
		return invalid(at+".guestIPMustBeZero", "can be true only with a guestIP of %s; it is %s", anyAddress, filled.GuestIP)
	}
	return nil
}

// validatePorts checks one port and the range of the same side.
func validatePorts(at, name string, port int, ports PortRange) error {
	if port != 0 {
		if err := validatePort(at+"."+name, port); err != nil {
			return err
		}
	}
	if ports.IsZero() {
		return nil
	}
	field := at + "." + name + "Range"
	for _, end := range ports {
		if err := validatePort(field, end); err != nil {
			return err
		}
	}
	switch {
	case ports[0] > ports[1]:
		return invalid(field, "must begin with its lower port; got [%d, %d]", ports[0], ports[1])
	case port != 0 && ports != PortRange{port, port}:
		return invalid(field, "must not be given beside `%s`", name)
	}
	return nil
}

func validatePort(field string, port int) error {
	if port < 1 || port > maxPort {
		return invalid(field, "must be between 1 and %d; got %d", maxPort, port)
	}
	if port == sshPort {
		return invalid(field, "must not be %d: that is ssh, which rdd forwards itself", sshPort)
	}
	return nil
}

// validateGuestSocket checks a rule for a socket of the guest: no port beside it, and one end on
// the host.
func (f PortForward) validateGuestSocket(at string) error {
	if f.GuestSocket == "" {
		return nil
	}
	switch {
	case f.GuestPort != 0 || !f.GuestPortRange.IsZero():
		return invalid(at+".guestSocket", "must not be given beside the guest's port")
	case f.Ignore:
		return invalid(at+".ignore", "does not go with a socket: nothing forwards one that no rule names")
	case f.Proto == ProtoUDP:
		return invalid(at+".proto", "must be `tcp` or left out for a socket; got `udp`")
	case f.HostSocket != "":
		return nil
	case f.HostPort == 0 && f.HostPortRange.IsZero():
		return invalid(at+".hostSocket", "must be given: where the guest's socket is reached on the host")
	case f.HostPort == 0 && f.HostPortRange.count() != 1:
		return invalid(at+".hostPortRange", "must be one port: a socket cannot lead to several")
	}
	return nil
}

// validateHostSocket checks a rule for a socket of the host that leads to one port of the guest.
func (f PortForward) validateHostSocket(at string) error {
	if f.HostSocket == "" || f.GuestSocket != "" && f.HostPort == 0 && f.HostPortRange.IsZero() {
		return nil
	}
	switch {
	case f.HostPort != 0 || !f.HostPortRange.IsZero():
		return invalid(at+".hostSocket", "must not be given beside the host's port")
	case f.Proto == ProtoUDP:
		return invalid(at+".proto", "must be `tcp` or left out for a socket; got `udp`")
	case f.GuestPort == 0 && f.GuestPortRange.IsZero():
		return invalid(at+".guestSocket", "must be given: what in the guest the host's socket leads to")
	case f.GuestPort == 0 && f.GuestPortRange.count() != 1:
		return invalid(at+".guestPortRange", "must be one port: a socket cannot lead to several")
	}
	return nil
}

// validateSockets checks the paths of sockets after Expand.
func (f PortForward) validateSockets(at string) error {
	if err := validateSocket(at+".guestSocket", f.GuestSocket); err != nil {
		return err
	}
	return validateSocket(at+".hostSocket", f.HostSocket)
}

func validateSocket(field, p string) error {
	if p == "" {
		return nil
	}
	if err := validateAbsolute(field, p); err != nil {
		return err
	}
	if len(p) > MaxSocketPath {
		return invalid(field, "must be a path of at most %d bytes, the limit for Unix sockets; got `%s`", MaxSocketPath, p)
	}
	return nil
}
