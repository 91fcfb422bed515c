// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"rancherdesktop.io/rdd/internal/vm/template"
)

// datagrams is a UDP port of the host that QEMU forwards.
type datagrams struct {
	manager   *Manager
	host      string
	guestPort uint16
}

// beginUDP makes QEMU forward a port. QEMU's response does not say what is wrong, so the port is
// bound here first.
func (m *Manager) beginUDP(ctx context.Context, r route) (opened, error) {
	probe, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", r.host)
	if errors.Is(err, syscall.EADDRINUSE) {
		// It may be QEMU that has it, on behalf of an earlier hostagent.
		if known, readErr := m.readBack(ctx); readErr == nil && known[r.key] != nil && known[r.key].fits(r) {
			return known[r.key], nil
		}
	}
	if err != nil {
		return nil, err
	}
	if err := probe.Close(); err != nil {
		return nil, err
	}
	answer, err := m.config.Monitor(ctx, fmt.Sprintf("hostfwd_add %s udp:%s-:%d", m.config.NetDevice, r.host, r.guestPort))
	if err != nil {
		return nil, err
	}
	// The commands of the human monitor report failures by their text only (hmp_hostfwd_add in QEMU's
	// net/slirp.c).
	if answer = strings.TrimSpace(answer); answer != "" {
		return nil, fmt.Errorf("QEMU cannot forward it: %.500s", answer)
	}
	return &datagrams{manager: m, host: r.host, guestPort: r.guestPort}, nil
}

func (d *datagrams) fits(r route) bool { return d.guestPort == r.guestPort }

func (d *datagrams) close(ctx context.Context) error {
	answer, err := d.manager.config.Monitor(ctx, fmt.Sprintf("hostfwd_remove %s udp:%s", d.manager.config.NetDevice, d.host))
	if err != nil {
		return err
	}
	// The response is "removed" or, which is no error here, "not found".
	if answer = strings.TrimSpace(answer); !strings.HasSuffix(answer, "removed") && !strings.HasSuffix(answer, "not found") {
		return fmt.Errorf("QEMU cannot end forwarding %s: %.500s", d.host, answer)
	}
	return nil
}

// readBack returns the UDP ports that QEMU forwards, on behalf of this hostagent or an earlier one.
func (m *Manager) readBack(ctx context.Context) (map[key]opened, error) {
	answer, err := m.config.Monitor(ctx, "info usernet")
	if err != nil {
		return nil, err
	}
	known := map[key]opened{}
	for _, d := range parseUserNet(answer) {
		d.manager = m
		known[key{template.ProtoUDP, d.host}] = &d
	}
	return known, nil
}

// parseUserNet reads the response to `info usernet`: a table in which the lines of forwarded UDP
// ports look like this.
//
//	UDP[HOST_FORWARD]  15       127.0.0.1  5353       10.0.2.15  5353     0     0
func parseUserNet(answer string) []datagrams {
	var all []datagrams
	for line := range strings.Lines(answer) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[0] != "UDP[HOST_FORWARD]" {
			continue
		}
		host := fields[2]
		if host == "*" {
			host = "0.0.0.0"
		}
		ip, ipErr := netip.ParseAddr(host)
		hostPort, hostErr := strconv.ParseUint(fields[3], 10, 16)
		guestPort, guestErr := strconv.ParseUint(fields[5], 10, 16)
		if ipErr != nil || hostErr != nil || guestErr != nil {
			continue // not made by hostfwd_add
		}
		all = append(all, datagrams{host: netip.AddrPortFrom(ip, uint16(hostPort)).String(), guestPort: uint16(guestPort)})
	}
	return all
}
