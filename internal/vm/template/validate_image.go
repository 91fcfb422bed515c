// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/vm"
)

// Prefixes of an image's location.
const (
	imagePrefix    = "rdd:"
	templatePrefix = "template:"
	filePrefix     = "file://"
)

var (
	imagePattern  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)
	digestPattern = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$`)
	// architectures that Lima knows. An image for another one than the template's is ignored.
	architectures = []string{ArchX8664, ArchAArch64, ArchARMv7L, ArchPPC64LE, ArchRISCV64, ArchS390X}
)

func (t *Template) validateImages(host Host) error {
	for i, image := range t.Images {
		if err := image.validate(fmt.Sprintf("images[%d]", i)); err != nil {
			return err
		}
	}
	if t.Arch != host.Arch {
		return t.validateForeignImages(host)
	}
	if len(t.ArchImages()) == 0 {
		return invalid("images", "must have an image for `%s`, such as `location: rdd:docker`", t.Arch)
	}
	return nil
}

// validateForeignImages checks the images of a machine that has another architecture than the host.
func (t *Template) validateForeignImages(host Host) error {
	for i, image := range t.Images {
		if image.Arch == t.Arch && strings.HasPrefix(image.Location, imagePrefix) {
			return invalid(fmt.Sprintf("images[%d].location", i), "must be a URL or a file that holds an image for `%s`: "+
				"the images that rdd builds are for this host's `%s` only; got `%s`", t.Arch, host.Arch, image.Location)
		}
	}
	if len(t.ArchImages()) == 0 {
		return invalid("images", "must have an image for `%s`, by a URL or a file: "+
			"the images that rdd builds are for this host's `%s` only", t.Arch, host.Arch)
	}
	return nil
}

func (i Image) validate(at string) error {
	if err := oneOf(at+".arch", i.Arch, architectures...); err != nil {
		return err
	}
	if name, ours := strings.CutPrefix(i.Location, imagePrefix); ours {
		return i.validateOurs(at, name)
	}
	if err := validateFile(at, i.Location, i.Digest); err != nil {
		return err
	}
	if i.Kernel != nil {
		if err := i.Kernel.validate(at + ".kernel"); err != nil {
			return err
		}
	}
	if i.Initrd == nil {
		return nil
	}
	if i.Kernel == nil {
		return invalid(at+".initrd", "needs a `kernel` beside it")
	}
	return validateFile(at+".initrd", i.Initrd.Location, i.Initrd.Digest)
}

// validateOurs checks an image that rdd builds.
func (i Image) validateOurs(at, name string) error {
	switch {
	case !imagePattern.MatchString(name):
		return invalid(at+".location", "must be `rdd:` and the name of an image that rdd builds, such as `rdd:docker`; got `%s`", i.Location)
	case i.Digest != "":
		return invalid(at+".digest", "must not be given for an image that rdd builds itself")
	case i.Kernel != nil:
		return invalid(at+".kernel", "must not be given for an image that rdd builds: it has its own")
	case i.Initrd != nil:
		return invalid(at+".initrd", "must not be given for an image that rdd builds: it has its own")
	}
	return nil
}

func (k Kernel) validate(at string) error {
	if err := validateFile(at, k.Location, k.Digest); err != nil {
		return err
	}
	return validateLine(at+".cmdline", k.Cmdline)
}

// validateFile checks a file's location and digest.
func validateFile(at, location, digest string) error {
	if err := validateLocation(at+".location", location); err != nil {
		return err
	}
	if digest != "" && !digestPattern.MatchString(digest) {
		return invalid(at+".digest", "must be sha256: and 64 or sha512: and 128 hexadecimal digits in lower case; got `%s`", digest)
	}
	return nil
}

func validateLocation(field, location string) error {
	switch {
	case location == "":
		return invalid(field, "must not be empty")
	case strings.HasPrefix(location, imagePrefix):
		return invalid(field, "must not be an image that rdd builds; got `%s`", location)
	case strings.HasPrefix(location, templatePrefix):
		return invalid(field, "must name an image itself: the image lists of Lima (`%s`) are not part of rdd", location)
	case strings.HasPrefix(location, "http://"), strings.HasPrefix(location, "https://"):
		u, err := url.Parse(location)
		if err != nil || u.Host == "" {
			return invalid(field, "must be an http or https URL with a host; got `%s`", vm.Redacted(location))
		}
		return nil
	case isHostPath(location):
		return validateLine(field, location)
	}
	return invalid(field, "must be `rdd:NAME`, an http or https URL, or a file's path that begins with `/` or `~/`; got `%s`", location)
}

// isHostPath reports whether a location is an absolute path of the host, once `~` and `file://` are
// resolved.
func isHostPath(location string) bool {
	return path.IsAbs(underHome(location, "/"))
}

// ArchImages are the images for the template's architecture, in the order in which they are tried.
func (t *Template) ArchImages() []Image {
	images := slices.DeleteFunc(slices.Clone(t.Images), func(image Image) bool { return image.Arch != t.Arch })
	if len(images) == 0 {
		return images
	}
	first := images[0].ArchVariant
	return slices.DeleteFunc(images, func(image Image) bool { return image.ArchVariant != first })
}

// Image is the first of ArchImages; the zero Image when there is none.
func (t *Template) Image() Image {
	images := t.ArchImages()
	if len(images) == 0 {
		return Image{}
	}
	return images[0]
}
