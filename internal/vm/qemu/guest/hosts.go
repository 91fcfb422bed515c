// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/vm/template"
)

// hostAddress is the host's address for guests: the gateway of QEMU's user-mode network.
const hostAddress = "10.0.2.2"

// hostNames are the host's names for guests, unless the template gives them another address.
var hostNames = []string{template.LimaHost, "host.docker.internal", "host.rancher-desktop.internal"}

// lookupTimeout is that of all names together: a host whose name servers do not answer must not
// keep a guest from booting.
const lookupTimeout = 5 * time.Second

// Lookup finds the addresses of a name, as net.Resolver.LookupNetIP does.
type Lookup func(ctx context.Context, name string) ([]netip.Addr, error)

// Hosts renders lines of /etc/hosts for the template's hostResolver.hosts, which maps a name to an
// address or to another name, and for the names of the host. Names that the map does not have are
// looked up on the host. The error says which were not found; the lines are valid without them.
func Hosts(ctx context.Context, entries map[string]string, lookup Lookup) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	names := map[string]string{}
	for _, name := range hostNames {
		names[name] = hostAddress
	}
	maps.Copy(names, entries)
	var lines []string
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(names)) {
		addresses, err := resolve(ctx, names, name, lookup)
		if err != nil {
			errs = append(errs, fmt.Errorf("hostResolver.hosts: %s: %w", name, err))
		}
		for _, address := range addresses {
			lines = append(lines, address.String()+" "+name)
		}
	}
	return strings.Join(lines, "\n"), errors.Join(errs...)
}

// resolve follows the entries from name to addresses.
func resolve(ctx context.Context, names map[string]string, name string, lookup Lookup) ([]netip.Addr, error) {
	for range len(names) {
		value := names[name]
		if address, err := netip.ParseAddr(value); err == nil {
			return []netip.Addr{address}, nil
		}
		if _, found := names[value]; !found {
			return onHost(ctx, value, lookup)
		}
		name = value
	}
	return nil, errors.New("the entries lead round in a circle")
}

// onHost looks a name up on the host. A loopback address means the host itself, so the guest gets
// the host's address in its place.
func onHost(ctx context.Context, name string, lookup Lookup) ([]netip.Addr, error) {
	found, err := lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	var addresses []netip.Addr
	for _, address := range found {
		if address = address.Unmap(); address.IsLoopback() {
			address = netip.MustParseAddr(hostAddress)
		}
		if address.Zone() == "" && !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return addresses, nil
}
