// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// roundTrip loads, writes and loads again: both times it must be the same template.
func roundTrip(t *testing.T, first *Template) {
	t.Helper()
	written, err := first.YAML()
	if err != nil {
		t.Fatal(err)
	}
	second, err := Load(written, nil, testHost)
	if err != nil {
		t.Fatalf("%v in\n%s", err, written)
	}
	if !reflect.DeepEqual(first, second) {
		t.Errorf("got\n%+v, want\n%+v from\n%s", second, first, written)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, text := range []string{minimal, full, debianShapeWithDigest(), ubuntuShape, dockerShape, nullShape} {
		first, err := Load([]byte(text), nil, testHost)
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, first)
	}
}

// TestRoundTripOfAnything writes and reads random templates of values that are easily misread as
// YAML.
func TestRoundTripOfAnything(t *testing.T) {
	for seed := range uint64(500) {
		random := generator{rand.New(rand.NewPCG(seed, 0))}
		made := random.template()
		text, err := made.YAML()
		if err != nil {
			t.Fatal(err)
		}
		first, err := Load(text, nil, testHost)
		if err != nil {
			t.Fatalf("seed %d: %v in\n%s", seed, err, text)
		}
		if !reflect.DeepEqual(first, made) {
			t.Fatalf("seed %d: got\n%+v, want\n%+v from\n%s", seed, first, made, text)
		}
		roundTrip(t, first)
	}
}

// generator makes valid templates.
type generator struct{ *rand.Rand }

// oddTexts are what a careless YAML writer or reader changes.
var oddTexts = []string{
	"x", "true", "null", "~", "0x10", "012", "1e3", "1.0", "2001-01-01", "", " leading", "trailing ", "a: b", "- a", "# no comment", "'", "\"",
	"%", "@a", "`b`", "{a", "[b", "*c", "&d", "!e", "|", ">", "yes", "No", "ünï ☃", "\ttab", "a\\b", "<<", "=", "{{.Name}}", ".inf",
}

// scripts may have lines as well.
var scripts = []string{
	"true", "#!/bin/sh\nset -e\n", "a\n\n\nb", "\n\nlate", "  indented\nnot", "ends with spaces  \n", "tab\there\n\ttab\n",
	"no newline\nat end", "more\n\n\n", "a: |\n  b\n", "line\r\nends\r\n", "\u2028sep", "{{if .Param}}x{{end}}\n",
}

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func (g generator) text() string { return pick(g, oddTexts...) }

// some makes up to three of something, nil when there is none.
func some[T any](g generator, one func() T) []T {
	var all []T
	for range g.IntN(4) {
		all = append(all, one())
	}
	return all
}

func (g generator) texts(names ...string) map[string]string {
	var all map[string]string
	for _, name := range names {
		if g.IntN(2) == 0 {
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = g.text()
	}
	return all
}

func (g generator) template() *Template {
	t := &Template{
		VMType: VMTypeQEMU, Arch: ArchX8664, CPUs: 1 + g.IntN(4), Memory: minMemory + g.Int64N(1<<32), Disk: minDisk + g.Int64N(1<<40),
		Images: append(some(g, g.image), Image{Location: "rdd:docker", Arch: ArchX8664}),
		Env:    g.texts("A", "no", "True", "null_", "Y"), Param: g.texts("a", "off", "n", "x1"),
		Provision: some(g, g.provision), PortForwards: some(g, g.forward), SSH: SSH{LocalPort: pick(g, 0, 1022, maxPort)},
		Message: pick(g, scripts...),
	}
	for i := range g.IntN(4) {
		t.Mounts = append(t.Mounts, Mount{
			Location: pick(g, "~", "/a b", "/ünï", "{{.Home}}/x", "/'q'"), MountPoint: fmt.Sprintf("/m/%d", i), Writable: pick(g, true, false),
		})
		t.Probes = append(
			t.Probes, Probe{Mode: ProbeReadiness, Script: unixText(pick(g, scripts...)), Description: pick(g, "d", "null", "a: b"), Hint: g.text()},
		)
	}
	if g.IntN(2) == 0 {
		t.HostResolver.Hosts = map[string]string{"no": "10.0.0.1", "true.x": LimaHost, "1.5": "::1"}
	}
	return t
}

func (g generator) image() Image {
	image := Image{
		Location: pick(
			g, "https://x.example/a?b=c#d", "/a b.img", "~/x: y", "file:///x",
		), Arch: pick(g, architectures...), Digest: pick(g, "", sha256Digest, sha512Digest),
	}
	if g.IntN(2) == 0 {
		image.Kernel = &Kernel{Location: "/k", Cmdline: g.text(), Digest: pick(g, "", sha512Digest)}
		image.Initrd = pick(g, nil, &Initrd{Location: "http://x/i", Digest: pick(g, "", sha256Digest)})
	}
	return image
}

func (g generator) provision() Provision {
	if g.IntN(3) > 0 {
		return Provision{Mode: pick(g, ModeSystem, ModeUser, ModeBoot), Script: unixText(pick(g, scripts...))}
	}
	overwrite := pick(g, true, false)
	return Provision{
		Mode: ModeData, Path: pick(g, "/x", "/a: b", "{{.Home}}/null"), Content: pick(g, append(scripts, "")...),
		Owner: pick(g, "root", "root:root", "{{.User}}", "0:0"), Permissions: pick(g, "644", "0600", "012", "4755"), Overwrite: &overwrite,
	}
}

func (g generator) forward() PortForward {
	zero := pick(g, true, false)
	return pick(g,
		PortForward{GuestSocket: "/g", HostSocket: pick(g, "null", "/h: x", "{{.Dir}}/x")},
		PortForward{GuestPort: 80, HostPort: pick(g, 0, 81), Proto: pick(g, "", ProtoUDP, ProtoTCP)},
		PortForward{
			GuestPortRange: PortRange{1, 9}, HostPortRange: PortRange{11, 19}, Ignore: pick(g, true, false), HostIP: pick(g, "", "::", "0.0.0.0"),
		},
		PortForward{GuestIP: "0.0.0.0", GuestIPMustBeZero: &zero},
		PortForward{},
	)
}
