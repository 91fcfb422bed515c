// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"fmt"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/template"
)

// rules of a template with these port forwards.
func rules(forwards ...template.PortForward) []template.PortForward {
	return (&template.Template{PortForwards: forwards, SSH: template.SSH{LocalPort: 60022}}).PortRules()
}

// show writes routes as "HOST<-GUEST=TARGET,TARGET" or "HOST!ERROR"; "redirected" are those to the
// guest's loopback over UDP.
func show(routes []route) string {
	var all []string
	for _, r := range routes {
		var targets []string
		for _, to := range r.targets {
			targets = append(targets, to.address)
		}
		text := fmt.Sprintf("%s %s<-%s=%s", r.proto, r.host, r.guest, strings.Join(targets, ","))
		if r.loopback {
			text += " redirected"
		}
		if r.err != "" {
			text = fmt.Sprintf("%s %s!%s", r.proto, r.host, r.err)
		}
		all = append(all, text)
	}
	return strings.Join(all, " ; ")
}

func TestPlan(t *testing.T) {
	for _, tc := range []struct {
		name      string
		rules     []template.PortForward
		listeners []Listener
		want      string
	}{
		{"nothing", nil, nil, ""},
		{"loopback", nil, []Listener{tcp("127.0.0.1:8080")}, "tcp 127.0.0.1:8080<-127.0.0.1:8080=127.0.0.1:8080"},
		{"every address of both kinds, as docker-proxy listens", nil, []Listener{tcp("[::]:80"), tcp("0.0.0.0:80")},
			"tcp 127.0.0.1:80<-0.0.0.0:80=127.0.0.1:80,127.0.0.1:80,[::1]:80"},
		{"every IPv6 address", nil, []Listener{tcp("[::]:80")}, "tcp 127.0.0.1:80<-[::]:80=127.0.0.1:80,[::1]:80"},
		{"IPv6 loopback only", nil, []Listener{tcp("[::1]:80")}, "tcp 127.0.0.1:80<-[::1]:80=[::1]:80"},
		{"sshd, by both its ports", nil, []Listener{tcp("0.0.0.0:22"), tcp("[::]:22"), tcp("127.0.0.1:60022")}, ""},
		{"another address of the guest", nil, []Listener{tcp("127.0.0.53:53")}, ""},
		{"another address by a rule", []template.PortForward{
			{GuestIP: "10.0.2.15", GuestPort: 80, HostPort: 8080},
		}, []Listener{tcp("10.0.2.15:80")},
			"tcp 127.0.0.1:8080<-10.0.2.15:80=10.0.2.15:80"},
		{"ignored", []template.PortForward{{GuestPortRange: template.PortRange{1, 65535}, Ignore: true}}, []Listener{tcp("127.0.0.1:80")}, ""},
		{"a range that moves", []template.PortForward{
			{GuestPortRange: template.PortRange{80, 89}, HostPortRange: template.PortRange{8080, 8089}},
		}, []Listener{tcp("127.0.0.1:83")},
			"tcp 127.0.0.1:8083<-127.0.0.1:83=127.0.0.1:83"},
		{
			"a port to a socket", []template.PortForward{{GuestPort: 80, HostSocket: "/s"}}, []Listener{tcp("127.0.0.1:80")},
			"unix /s<-127.0.0.1:80=127.0.0.1:80",
		},
		{"sockets need no listener", []template.PortForward{
			{GuestSocket: "/g", HostSocket: "/h"}, {GuestSocket: "/g", HostPort: 2375}, {GuestSocket: "/no", HostSocket: "/no", Ignore: true},
		}, nil,
			"unix /h<-/g=/g ; tcp 127.0.0.1:2375<-/g=/g"},
		{"static ports need no listener", []template.PortForward{
			{GuestPort: 80, HostPort: 8080, Static: true}, {GuestPortRange: template.PortRange{90, 91}, GuestIP: "0.0.0.0", Static: true},
		}, []Listener{tcp("0.0.0.0:91")},
			"tcp 127.0.0.1:8080<-127.0.0.1:80=127.0.0.1:80 ; tcp 127.0.0.1:90<-0.0.0.0:90=127.0.0.1:90 ; " +
				"tcp 127.0.0.1:91<-0.0.0.0:91=127.0.0.1:91,127.0.0.1:91"},
		{"two services for one port of the host", []template.PortForward{
			{GuestPort: 80, HostPort: 8080},
		}, []Listener{tcp("0.0.0.0:80"), tcp("0.0.0.0:8080")},
			"tcp 127.0.0.1:8080<-0.0.0.0:80=127.0.0.1:80 ; tcp 127.0.0.1:8080!127.0.0.1:8080 already leads to 0.0.0.0:80 of the guest"},
		{
			"UDP beside TCP", nil, []Listener{udp("0.0.0.0:53"), tcp("0.0.0.0:53")},
			"tcp 127.0.0.1:53<-0.0.0.0:53=127.0.0.1:53 ; udp 127.0.0.1:53<-0.0.0.0:53=",
		},
		{"UDP on the guest's loopback", nil, []Listener{udp("127.0.0.1:53")}, "udp 127.0.0.1:53<-127.0.0.1:53= redirected"},
		{"UDP on both loopbacks", nil, []Listener{udp("[::1]:53"), udp("127.0.0.1:53")}, "udp 127.0.0.1:53<-127.0.0.1:53= redirected"},
		{"UDP on every address, too", nil, []Listener{udp("127.0.0.1:53"), udp("0.0.0.0:53")}, "udp 127.0.0.1:53<-0.0.0.0:53="},
		{"UDP of the guest's own", nil, []Listener{udp("127.0.0.1:323"), udp("[::1]:323"), udp("127.0.0.53:53"), udp("127.0.0.54:53")}, ""},
		{"UDP on the IPv6 loopback", nil, []Listener{udp("[::1]:53")},
			"udp 127.0.0.1:53!UDP on the guest's ::1 cannot be forwarded; let the program listen on 127.0.0.1 or on all addresses"},
		{"UDP of the resolver, by a rule", []template.PortForward{
			{GuestIP: "127.0.0.53", GuestPort: 53, HostPort: 5353},
		}, []Listener{udp("127.0.0.53:53")},
			"udp 127.0.0.1:5353!UDP on the guest's 127.0.0.53 cannot be forwarded; let the program listen on 127.0.0.1 or on all addresses"},
		{"UDP on the loopback and on another address", []template.PortForward{
			{GuestIP: "10.0.2.15", GuestPort: 53, HostPort: 5353},
		}, []Listener{udp("10.0.2.15:53"), udp("127.0.0.1:53")},
			"udp 127.0.0.1:5353<-10.0.2.15:53= ; udp 127.0.0.1:53!the guest's UDP port 53 is forwarded already, to 10.0.2.15:53"},
		{
			"UDP from IPv6", []template.PortForward{{GuestPort: 53, HostIP: "::1"}}, []Listener{udp("0.0.0.0:53")},
			"udp [::1]:53!UDP can only be forwarded from an IPv4 address",
		},
		{
			"UDP to a socket", []template.PortForward{{GuestPort: 53, HostSocket: "/s"}}, []Listener{udp("0.0.0.0:53")},
			"udp /s!UDP cannot be forwarded to a socket",
		},
		{"TCP only", []template.PortForward{
			{GuestPort: 53, Proto: "tcp"}, {GuestPort: 53, Ignore: true, GuestIP: "0.0.0.0"},
		}, []Listener{udp("0.0.0.0:53"), tcp("0.0.0.0:53")},
			"tcp 127.0.0.1:53<-0.0.0.0:53=127.0.0.1:53"},
	} {
		if got := show(plan(rules(tc.rules...), tc.listeners)); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

func TestParseUserNet(t *testing.T) {
	const answer = "Hub -1 (net0):\r\n" +
		"  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n" +
		"  TCP[HOST_FORWARD]  14       127.0.0.1 38887       10.0.2.15    22     0     0\r\n" +
		"  TCP[ESTABLISHED]   19       127.0.0.1 38887       10.0.2.15    22     0     0\r\n" +
		"  UDP[HOST_FORWARD]  15       127.0.0.1  5353       10.0.2.15    53     0     0\r\n" +
		"  UDP[HOST_FORWARD]  16               *  6000       10.0.2.15  6001     0     0\r\n" +
		"  UDP[236 sec]       17       10.0.2.15 44321        10.0.2.3    53     0     0\r\n" +
		"  UDP[HOST_FORWARD]  18\r\n  UDP[HOST_FORWARD]  15       127.0.0.1  x       10.0.2.15    53     0     0\r\n"
	var got []string
	for _, d := range parseUserNet(answer) {
		got = append(got, fmt.Sprintf("%s-%d", d.host, d.guestPort))
	}
	if want := "127.0.0.1:5353-53 0.0.0.0:6000-6001"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
