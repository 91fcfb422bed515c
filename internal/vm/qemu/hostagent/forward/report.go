// SPDX-License-Identifier: Apache-2.0

package forward

import (
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/template"
)

//go:embed watch.bash
var bashWatch string

//go:embed watch.sh
var shWatch string

// WatchCommand is a shell line that writes reports until the connection ends. Its standard input
// must stay open.
func WatchCommand() string {
	// EPOCHREALTIME is what bash has since version 5.
	choice := `if bash -c '[ -n "$EPOCHREALTIME" ]' 2>/dev/null; then exec bash -c "$1"; else exec sh -c "$2"; fi`
	return "exec " + sshx.Quote("sh", "-c", choice, "rdd-watch", bashWatch, shWatch)
}

// Listener is a socket in the guest that accepts connections or datagrams.
type Listener struct {
	// Proto is template.ProtoTCP or template.ProtoUDP.
	Proto string
	Addr  netip.AddrPort
}

// Report is a line from the guest.
type Report struct {
	// Listening says that the report is about Listeners, which are all that there are.
	Listening bool
	Listeners []Listener
	// Time is the guest's clock when it wrote the report; zero when the report is about listeners.
	Time time.Time
}

// ParseReport reads a line of WatchCommand:
//
//	listening tcp/0100007F:1F90 tcp6/00000000000000000000000000000000:0016 udp/00000000:14E9 …
//	time 1763850000.123456
//
// The addresses are the kernel's (proc_pid_net(5)).
func ParseReport(line string) (Report, error) {
	what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch what {
	case "listening":
		listeners, err := parseListeners(rest)
		return Report{Listening: err == nil, Listeners: listeners}, err
	case "time":
		at, err := ParseTime(rest)
		return Report{Time: at}, err
	default:
		return Report{}, fmt.Errorf("the guest reports something unknown: %.100q", line)
	}
}

func parseListeners(text string) ([]Listener, error) {
	var listeners []Listener
	known := map[Listener]bool{}
	for field := range strings.FieldsSeq(text) {
		l, err := parseListener(field)
		if err != nil {
			return nil, fmt.Errorf("the guest reports a socket that cannot be understood: %.100q: %w", field, err)
		}
		if !known[l] && l.Addr.Port() != 0 {
			known[l] = true
			listeners = append(listeners, l)
		}
	}
	return listeners, nil
}

// protocols by the name of the kernel's file.
var protocols = map[string]string{
	"tcp": template.ProtoTCP, "tcp6": template.ProtoTCP, "udp": template.ProtoUDP, "udp6": template.ProtoUDP,
}

func parseListener(field string) (Listener, error) {
	file, local, _ := strings.Cut(field, "/")
	proto, found := protocols[file]
	if !found {
		return Listener{}, fmt.Errorf("unknown protocol %q", file)
	}
	address, port, _ := strings.Cut(local, ":")
	ip, err := parseAddress(address)
	if err != nil {
		return Listener{}, err
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return Listener{}, fmt.Errorf("reading the port: %w", err)
	}
	return Listener{Proto: proto, Addr: netip.AddrPortFrom(ip.Unmap(), uint16(number))}, nil
}

// parseAddress reads an address as words of 32 bits in the guest's byte order, which is
// little-endian wherever rdd runs.
func parseAddress(text string) (netip.Addr, error) {
	data, err := hex.DecodeString(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("reading the address: %w", err)
	}
	if len(data) != 4 && len(data) != 16 {
		return netip.Addr{}, fmt.Errorf("an address of %d bytes", len(data))
	}
	for word := data; len(word) > 0; word = word[4:] {
		binary.LittleEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	ip, _ := netip.AddrFromSlice(data)
	return ip, nil
}

// ParseTime reads seconds since 1970, as EPOCHREALTIME of bash(1) and %s.%N of date(1) show them.
func ParseTime(text string) (time.Time, error) {
	seconds, err := strconv.ParseFloat(text, 64)
	// Seconds since 1970, up to the year 9999.
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > 253402300799 {
		return time.Time{}, fmt.Errorf("the guest reports a time that cannot be understood: %.100q", text)
	}
	return time.UnixMicro(int64(seconds * 1e6)), nil
}
