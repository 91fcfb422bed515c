// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

type knownImages struct{ Images }

func (knownImages) Names() []string { return []string{"docker", "plain"} }

func imageEngine() *Engine {
	return New(Config{
		LimaHome: "/lima", Images: knownImages{}, User: vmdir.User{Name: "jo", UID: 1000, Home: "/home/jo"}, Log: slog.New(slog.DiscardHandler),
	})
}

func load(t *testing.T, images string) *template.Template {
	t.Helper()
	host, err := template.LocalHost()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := template.Load([]byte("images:\n"+images), nil, host)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestCheckImage(t *testing.T) {
	for images, field := range map[string]string{
		"- location: rdd:docker":                                 "",
		"- location: http://x/disk.img\n- location: rdd:plain":   "",
		"- location: rdd:nothing":                                "images[0].location",
		"- location: http://x/disk.img\n- location: rdd:nothing": "images[1].location",
		"- location: ~/disk.img":                                 "",
	} {
		err := imageEngine().checkImage(load(t, images))
		var invalid *vm.InvalidSpecError
		if errors.As(err, &invalid) != (field != "") || invalid != nil && invalid.Field != field {
			t.Errorf("%s: got %v, want field %q", images, err, field)
		}
	}
}

func TestSourcesAreExpanded(t *testing.T) {
	sources, err := imageEngine().instance("x").sources(load(t, `- location: ~/disk.img
  kernel: {location: "http://x/vmlinuz", digest: "sha256:`+strings.Repeat("0", 64)+`", cmdline: quiet}
  initrd: {location: /srv/initrd}
- location: rdd:docker
`))
	if err != nil || len(sources) != 2 {
		t.Fatalf("got %+v, %v", sources, err)
	}
	first := sources[0]
	if first.Disk.Location != "/home/jo/disk.img" || first.Kernel.Location != "http://x/vmlinuz" || first.Kernel.Digest == "" ||
		first.KernelArgs != "quiet" || first.Initrd.Location != "/srv/initrd" {
		t.Errorf("got %+v", first)
	}
	if name, built := sources[1].Built(); !built || name != "docker" || sources[1].Kernel != nil {
		t.Errorf("got %+v", sources[1])
	}
}

// Which images a template may give once the machine's disk is made.
func TestImageOfAnExistingMachine(t *testing.T) {
	sum, other := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	fetched := vmdir.Image{
		Name: "disk", Digest: sum, Parts: map[string]image.Part{"image": {Location: "http://x/disk.img", Digests: []string{sum}}},
	}
	withKernel := vmdir.Image{Name: "disk", Digest: sum, KernelArgs: "quiet", Parts: map[string]image.Part{
		"image": {Location: "http://x/disk.img", Digests: []string{sum}}, "kernel": {Location: "http://x/vmlinuz", Digests: []string{other}},
	}}
	built := vmdir.Image{Name: "docker", Digest: sum}
	for name, tc := range map[string]struct {
		have   vmdir.Image
		images string
		same   bool
	}{
		"unchanged":                {fetched, "- location: http://x/disk.img", true},
		"a digest is added":        {fetched, "- location: http://x/disk.img\n  digest: " + sum, true},
		"the digest of another":    {fetched, "- location: http://x/disk.img\n  digest: " + other, false},
		"a mirror":                 {fetched, "- location: http://mirror/elsewhere.img\n  digest: " + sum, true},
		"elsewhere without digest": {fetched, "- location: http://mirror/disk.img", false},
		"one more before it":       {fetched, "- location: http://new/disk.img\n- location: http://x/disk.img", true},
		"a built one instead":      {fetched, "- location: rdd:docker", false},
		"built, unchanged":         {built, "- location: rdd:docker", true},
		"another built one":        {built, "- location: rdd:plain", false},
		"a fetched one instead":    {built, "- location: http://x/docker\n  digest: " + sum, false},
		"kernel": {
			withKernel, "- location: http://x/disk.img\n  kernel: {location: 'http://x/vmlinuz', cmdline: quiet}", true,
		},
		"kernel with other options": {
			withKernel, "- location: http://x/disk.img\n  kernel: {location: 'http://x/vmlinuz', cmdline: debug}", false,
		},
		"the kernel is left out": {withKernel, "- location: http://x/disk.img", false},
		"a kernel is added":      {fetched, "- location: http://x/disk.img\n  kernel: {location: 'http://x/vmlinuz'}", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := imageEngine().instance("x").checkSameImage(vmdir.Record{Machine: vmdir.Machine{Image: tc.have}}, load(t, tc.images))
			var invalid *vm.InvalidSpecError
			switch {
			case tc.same && err != nil:
				t.Errorf("refused: %v", err)
			case !tc.same && (!errors.As(err, &invalid) || invalid.Field != "images[0].location" || !strings.Contains(err.Error(), sum) ||
				!strings.Contains(
					err.Error(), "delete the virtual machine",
				)):
				t.Errorf("got %v", err)
			}
		})
	}
}
