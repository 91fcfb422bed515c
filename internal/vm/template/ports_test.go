// SPDX-License-Identifier: Apache-2.0

package template

import (
	"net/netip"
	"reflect"
	"testing"
)

func loadForwards(t *testing.T, rules string) *Template {
	t.Helper()
	loaded, err := Load([]byte(minimal+rules), nil, testHost)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestPortRules(t *testing.T) {
	yes, no := true, false
	got := loadForwards(t, `ssh: {localPort: 2222}
portForwards:
- {guestPort: 80, hostPort: 8080, proto: tcp}
- {guestIP: 0.0.0.0}
- {guestIPMustBeZero: true, guestPortRange: [5, 6]}
- {guestSocket: /a, hostSocket: /b}
`).PortRules()
	all := PortRange{1, 65535}
	reserved := func(port int) PortForward {
		return PortForward{
			GuestIP: "0.0.0.0", GuestPort: port, GuestPortRange: PortRange{port, port}, HostIP: "127.0.0.1",
			HostPortRange: PortRange{port, port}, Proto: ProtoAny, Ignore: true, GuestIPMustBeZero: &no,
		}
	}
	want := []PortForward{
		reserved(22),
		reserved(2222),
		{
			GuestIP: "127.0.0.1", GuestPort: 80, GuestPortRange: PortRange{80, 80}, HostIP: "127.0.0.1", HostPort: 8080,
			HostPortRange: PortRange{8080, 8080}, Proto: ProtoTCP, GuestIPMustBeZero: &no,
		},
		{GuestIP: "0.0.0.0", GuestPortRange: all, HostIP: "127.0.0.1", HostPortRange: all, Proto: ProtoAny, GuestIPMustBeZero: &yes},
		{
			GuestIP: "0.0.0.0", GuestPortRange: PortRange{5, 6}, HostIP: "127.0.0.1", HostPortRange: PortRange{5, 6}, Proto: ProtoAny,
			GuestIPMustBeZero: &yes,
		},
		{
			GuestIP: "127.0.0.1", GuestPortRange: all, GuestSocket: "/a", HostIP: "127.0.0.1", HostPortRange: all, HostSocket: "/b", Proto: ProtoAny,
			GuestIPMustBeZero: &no,
		},
		{GuestIP: "127.0.0.1", GuestPortRange: all, HostIP: "127.0.0.1", HostPortRange: all, Proto: ProtoAny, GuestIPMustBeZero: &no},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestPortRulesLeaveTheTemplateAlone(t *testing.T) {
	loaded := loadForwards(t, "portForwards: [{guestPort: 80}]\n")
	loaded.PortRules()
	if want := []PortForward{{GuestPort: 80}}; !reflect.DeepEqual(loaded.PortForwards, want) {
		t.Errorf("the template's own rules became %+v", loaded.PortForwards)
	}
}

// TestMatchPort goes through what Lima's documentation says of its rules (default.yaml and
// docs/config/port).
func TestMatchPort(t *testing.T) {
	const none = "not forwarded"
	tests := []struct {
		name, rules string
		proto, ip   string
		port        int
		want        string
	}{
		{"implicit: the same port", "", ProtoTCP, "127.0.0.1", 8080, "127.0.0.1:8080"},
		{"implicit: udp too", "", ProtoUDP, "127.0.0.1", 5353, "127.0.0.1:5353"},
		{"implicit: any address", "", ProtoTCP, "0.0.0.0", 8080, "127.0.0.1:8080"},
		{"implicit: any IPv6 address", "", ProtoTCP, "::", 8080, "127.0.0.1:8080"},
		{"implicit: IPv6 loopback", "", ProtoTCP, "::1", 8080, "127.0.0.1:8080"},
		{"implicit: mapped address", "", ProtoTCP, "::ffff:127.0.0.1", 8080, "127.0.0.1:8080"},
		{"implicit: another loopback address", "", ProtoTCP, "127.0.0.2", 8080, none},
		{"implicit: the guest's own address", "", ProtoTCP, "10.0.2.15", 8080, none},
		{"implicit: privileged", "", ProtoTCP, "127.0.0.1", 80, "127.0.0.1:80"},
		{"implicit: last port", "", ProtoTCP, "127.0.0.1", 65535, "127.0.0.1:65535"},
		{"ssh is kept", "", ProtoTCP, "0.0.0.0", 22, none},
		{"ssh on one address is kept", "", ProtoTCP, "127.0.0.1", 22, none},
		{"ssh on IPv6 is kept", "", ProtoTCP, "::1", 22, none},
		{"ssh cannot be had by a range", "[{guestPortRange: [20, 25], hostPortRange: [2020, 2025]}]", ProtoTCP, "127.0.0.1", 22, none},
		{"its neighbour can", "[{guestPortRange: [20, 25], hostPortRange: [2020, 2025]}]", ProtoTCP, "127.0.0.1", 23, "127.0.0.1:2023"},

		{"another host port", "[{guestPort: 80, hostPort: 8080}]", ProtoTCP, "127.0.0.1", 80, "127.0.0.1:8080"},
		{"another host address", "[{guestPort: 443, hostIP: 0.0.0.0}]", ProtoTCP, "127.0.0.1", 443, "0.0.0.0:443"},
		{"IPv6 host address", "[{guestPort: 443, hostIP: '::1'}]", ProtoTCP, "0.0.0.0", 443, "[::1]:443"},
		{"range: first", "[{guestPortRange: [4000, 4999], hostPortRange: [5000, 5999]}]", ProtoTCP, "127.0.0.1", 4000, "127.0.0.1:5000"},
		{"range: last", "[{guestPortRange: [4000, 4999], hostPortRange: [5000, 5999]}]", ProtoTCP, "127.0.0.1", 4999, "127.0.0.1:5999"},
		{"range: before", "[{guestPortRange: [4000, 4999], hostPortRange: [5000, 5999]}]", ProtoTCP, "127.0.0.1", 3999, "127.0.0.1:3999"},
		{"range: after", "[{guestPortRange: [4000, 4999], hostPortRange: [5000, 5999]}]", ProtoTCP, "127.0.0.1", 5000, "127.0.0.1:5000"},
		{"range: the host's by default", "[{guestPortRange: [4000, 4999], hostIP: 0.0.0.0}]", ProtoTCP, "127.0.0.1", 4321, "0.0.0.0:4321"},
		{"address for address", "[{guestIP: 127.0.0.2, hostIP: 127.0.0.2}]", ProtoTCP, "127.0.0.2", 7, "127.0.0.2:7"},
		{"address for address, any", "[{guestIP: 127.0.0.2, hostIP: 127.0.0.2}]", ProtoTCP, "0.0.0.0", 7, "127.0.0.2:7"},
		{"address for address, not IPv6", "[{guestIP: 127.0.0.2, hostIP: 127.0.0.2}]", ProtoTCP, "::1", 7, "127.0.0.1:7"},
		{"IPv6 loopback by name", "[{guestIP: '::1', hostPort: 9, guestPort: 7}]", ProtoTCP, "::1", 7, "127.0.0.1:9"},
		{"IPv6 loopback is not IPv4's", "[{guestIP: '::1', hostPort: 9, guestPort: 7}]", ProtoTCP, "127.0.0.1", 7, "127.0.0.1:7"},

		{"tcp rule and udp", "[{guestPort: 53, hostPort: 5353, proto: tcp}]", ProtoUDP, "127.0.0.1", 53, "127.0.0.1:53"},
		{"udp rule and udp", "[{guestPort: 53, hostPort: 5353, proto: udp}]", ProtoUDP, "127.0.0.1", 53, "127.0.0.1:5353"},
		{"udp rule and tcp", "[{guestPort: 53, hostPort: 5353, proto: udp}]", ProtoTCP, "127.0.0.1", 53, "127.0.0.1:53"},
		{"both by any", "[{guestPort: 53, hostPort: 5353, proto: any}]", ProtoTCP, "127.0.0.1", 53, "127.0.0.1:5353"},
		{"both by default", "[{guestPort: 53, hostPort: 5353}]", ProtoUDP, "127.0.0.1", 53, "127.0.0.1:5353"},

		{"first rule decides", "[{guestPort: 80, hostPort: 81}, {guestPort: 80, hostPort: 82}]", ProtoTCP, "127.0.0.1", 80, "127.0.0.1:81"},
		{"ignored", "[{guestPort: 8888, ignore: true}]", ProtoTCP, "127.0.0.1", 8888, none},
		{"ignored before a rule", "[{guestPort: 8888, ignore: true}, {guestPort: 8888, hostPort: 1}]", ProtoTCP, "127.0.0.1", 8888, none},
		{"ignored after a rule", "[{guestPort: 8888, hostPort: 1}, {guestPort: 8888, ignore: true}]", ProtoTCP, "127.0.0.1", 8888, "127.0.0.1:1"},
		{"ignoring one address leaves any", "[{guestIP: 127.0.0.1, guestPort: 8888, ignore: true}]", ProtoTCP, "0.0.0.0", 8888, "127.0.0.1:8888"},
		{"ignoring without an address leaves none", "[{ignore: true, proto: any}]", ProtoTCP, "0.0.0.0", 8081, none},
		{"… of the others", "[{ignore: true}]", ProtoTCP, "127.0.0.1", 8081, none},
		{"… of IPv6", "[{ignore: true}]", ProtoTCP, "::", 8081, none},
		{"… of UDP", "[{ignore: true}]", ProtoUDP, "0.0.0.0", 8081, none},
		{"… of UDP only", "[{ignore: true, proto: udp}]", ProtoTCP, "0.0.0.0", 8081, "127.0.0.1:8081"},
		{"… of one port", "[{guestPort: 8888, ignore: true}]", ProtoTCP, "0.0.0.0", 8888, none},
		{"… of one port only", "[{guestPort: 8888, ignore: true}]", ProtoTCP, "0.0.0.0", 8889, "127.0.0.1:8889"},
		{"… of a range", "[{guestPortRange: [8000, 8999], ignore: true}]", ProtoTCP, "::", 8500, none},
		{"… after a rule", "[{guestPort: 80}, {ignore: true}]", ProtoTCP, "0.0.0.0", 80, "127.0.0.1:80"},
		{"… but must be zero", "[{guestIPMustBeZero: true, ignore: true}]", ProtoTCP, "127.0.0.1", 80, "127.0.0.1:80"},
		{"… or need not be", "[{guestIPMustBeZero: false, ignore: true}]", ProtoTCP, "0.0.0.0", 80, none},
		{"ignoring 127.0.0.2 leaves any", "[{guestIP: 127.0.0.2, ignore: true}]", ProtoTCP, "0.0.0.0", 3002, "127.0.0.1:3002"},
		{"ignoring everything", "[{guestIP: 0.0.0.0, guestIPMustBeZero: false, ignore: true}]", ProtoTCP, "127.0.0.1", 3002, none},
		{"ignoring everything, any", "[{guestIP: 0.0.0.0, guestIPMustBeZero: false, ignore: true}]", ProtoUDP, "::", 3002, none},
		{"ignoring 0.0.0.0 means just that", "[{guestIP: 0.0.0.0, ignore: true}]", ProtoTCP, "127.0.0.1", 3002, "127.0.0.1:3002"},
		{"ignoring 0.0.0.0 does that", "[{guestIP: 0.0.0.0, ignore: true}]", ProtoTCP, "0.0.0.0", 3002, none},

		{"0.0.0.0 exactly", "[{guestPort: 7443, guestIP: 0.0.0.0, hostIP: 0.0.0.0}]", ProtoTCP, "0.0.0.0", 7443, "0.0.0.0:7443"},
		{"0.0.0.0 is not the loopback", "[{guestPort: 7443, guestIP: 0.0.0.0, hostIP: 0.0.0.0}]", ProtoTCP, "127.0.0.1", 7443, "127.0.0.1:7443"},
		{
			"must be zero without an address", "[{guestPort: 7443, guestIPMustBeZero: true, hostIP: 0.0.0.0}]", ProtoTCP, "0.0.0.0", 7443,
			"0.0.0.0:7443",
		},
		{"must be zero, IPv6", "[{guestPort: 7443, guestIPMustBeZero: true, hostIP: 0.0.0.0}]", ProtoTCP, "::", 7443, "0.0.0.0:7443"},
		{
			"0.0.0.0 for any", "[{guestPort: 7443, guestIP: 0.0.0.0, guestIPMustBeZero: false, hostIP: 0.0.0.0}]", ProtoTCP, "127.0.0.1", 7443,
			"0.0.0.0:7443",
		},
		{
			"0.0.0.0 for the guest's address", "[{guestPort: 7443, guestIP: 0.0.0.0, guestIPMustBeZero: false}]", ProtoTCP, "10.0.2.15", 7443,
			"127.0.0.1:7443",
		},
		{"the guest's address", "[{guestIP: 10.0.2.15, guestPort: 1, hostPort: 2}]", ProtoTCP, "10.0.2.15", 1, "127.0.0.1:2"},

		{"port to a socket", "[{guestPort: 80, hostSocket: /s}]", ProtoTCP, "127.0.0.1", 80, "/s"},
		{"socket rules are no ports'", "[{guestSocket: /g, hostSocket: /s}]", ProtoTCP, "127.0.0.1", 80, "127.0.0.1:80"},
		{"socket to a port is no port's", "[{guestSocket: /g, hostPort: 99}]", ProtoTCP, "127.0.0.1", 80, "127.0.0.1:80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules := ""
			if tt.rules != "" {
				rules = "portForwards: " + tt.rules + "\n"
			}
			end, forward := MatchPort(loadForwards(t, rules).PortRules(), tt.proto, netip.MustParseAddr(tt.ip), tt.port)
			got := none
			if forward {
				got = end.String()
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestMatchPortKeepsTheHostsSSHPort(t *testing.T) {
	rules := loadForwards(t, "ssh: {localPort: 2222}\n").PortRules()
	if end, forward := MatchPort(rules, ProtoTCP, netip.MustParseAddr("127.0.0.1"), 2222); forward {
		t.Errorf("the port of ssh on the host is forwarded to %s", end)
	}
}

// TestPlain: a plain machine has no mounts, and forwards what is static only.
func TestPlain(t *testing.T) {
	loaded := loadForwards(t, "plain: true\nmounts: [{location: '~'}]\n"+
		"portForwards: [{guestPort: 80, hostPort: 8080, static: true}, {guestPort: 81}, {guestSocket: /a, hostSocket: /b}]\n")
	if loaded.Mounts != nil {
		t.Errorf("mounts: %+v", loaded.Mounts)
	}
	rules := loaded.PortRules()
	if len(rules) != 3 || !rules[1].Static || !rules[2].Ignore {
		t.Errorf("got %+v", rules)
	}
	for port, want := range map[int]bool{80: true, 81: false, 82: false} {
		if _, forward := MatchPort(rules, ProtoTCP, netip.MustParseAddr("0.0.0.0"), port); forward != want {
			t.Errorf("port %d is forwarded: %t", port, forward)
		}
	}
}

func TestReversed(t *testing.T) {
	const text = "portForwards: [{guestSocket: /g, hostSocket: h, reverse: true}, {guestSocket: /g, hostSocket: i}]\n"
	for plain, want := range map[string]int{"plain: false\n": 1, "plain: true\n": 0} {
		got, err := Load([]byte(minimal+text+plain), nil, testHost)
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, got)
		if rules := got.Reversed(); len(rules) != want {
			t.Errorf("%s: got %+v", plain, rules)
		}
	}
	at := func(rule string) string { return minimal + "portForwards: [{reverse: true, " + rule + "}]\n" }
	const sockets = noMachine + "field `portForwards[0].reverse` must go with `guestSocket` and `hostSocket`; a port of the host is " +
		"reached as host.lima.internal from the guest (line 2, column 26)"
	testRefusals(t, []refusal{
		{"ports", at("guestPort: 80, hostPort: 80"), sockets},
		{"a port of the host", at("guestSocket: /g, hostPort: 80"), sockets},
		{"a port of the guest", at("hostSocket: /h, guestPort: 80"), sockets},
		{"nothing else", at("proto: tcp"), sockets},
		{
			"ignore", at("guestSocket: /g, hostSocket: /h, ignore: true"),
			noMachine + "field `portForwards[0].ignore` does not go with a socket: nothing forwards one that no rule names (line 2, " +
				"column 73)",
		},
		{
			"UDP", at("guestSocket: /g, hostSocket: /h, proto: udp"),
			noMachine + "field `portForwards[0].proto` must be `tcp` or left out for a socket; got `udp` (line 2, column 72)",
		},
	})
}
