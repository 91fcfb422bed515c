// SPDX-License-Identifier: Apache-2.0

package template

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	utilversion "k8s.io/apimachinery/pkg/util/version"
)

// minimumQEMU is the oldest QEMU that has rdd's machine type, pc-q35-7.2.
const minimumQEMU = "7.2.0"

var versionPattern = regexp.MustCompile(`^v?[0-9]+\.[0-9]+(\.[0-9]+)?([-+].*)?$`)

// inert accepts the values that mean what rdd does anyway. For any other the message gives the
// reason why it is refused.
func inert(reason string, accepted ...string) decoder {
	return func(v value) error {
		if v.node.Kind == yaml.ScalarNode && slices.Contains(accepted, v.node.Value) {
			return nil
		}
		return v.failf("must be %s; got %s: %s", choice(accepted), v.describe(), reason)
	}
}

// choice lists values for messages.
func choice(values []string) string {
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = "`" + value + "`"
		if value == "" {
			names[i] = "empty"
		}
	}
	return strings.Join(names, " or ")
}

// none accepts an empty list, mapping or text only. The message gives the reason.
func none(reason string) decoder {
	return func(v value) error {
		if len(v.node.Content) == 0 && (v.node.Kind != yaml.ScalarNode || v.node.Value == "") {
			return nil
		}
		return v.failf("is not honoured by this rdd: %s", reason)
	}
}

// version accepts a version number.
func version(v value) error {
	if v.node.Kind != yaml.ScalarNode || !versionPattern.MatchString(v.node.Value) {
		return v.failf("must be a version such as 2.0.0; got %s", v.describe())
	}
	return nil
}

// qemuVersion accepts a minimum version that every QEMU has with which rdd works.
func qemuVersion(v value) error {
	if err := version(v); err != nil {
		return err
	}
	wanted, err := utilversion.ParseGeneric(v.node.Value)
	if err != nil {
		return v.failf("must be a version such as 7.2.0; got %s", v.describe())
	}
	if utilversion.MustParseGeneric(minimumQEMU).LessThan(wanted) {
		return v.failf("must be at most %s: rdd looks for that QEMU or a newer one, and for no other; got %s", minimumQEMU, v.describe())
	}
	return nil
}

// mountTypes accepts a list of Lima's mount types.
func mountTypes(v value) error {
	var types []string
	if err := textList(&types)(v); err != nil {
		return err
	}
	for i, name := range types {
		if !slices.Contains([]string{"reverse-sshfs", "9p", "virtiofs", "wsl2"}, name) {
			return v.element(i, v.node.Content[i]).failf("must be one of reverse-sshfs, 9p, virtiofs, wsl2; got `%s`", name)
		}
	}
	return nil
}

// otherDriver accepts the options of a driver that vmType does not choose, or of another system
// than Linux. Lima ignores them, too.
func otherDriver(v value) error {
	if v.node.Kind != yaml.MappingNode {
		return v.failf("must be a mapping; got %s", v.describe())
	}
	return nil
}

// inertFields are the fields of Lima that rdd accepts only in the values that describe its machines
// as they are anyway.
func inertFields() fields {
	const (
		noSound = "rdd's machines have no sound"
		noMac   = "it belongs to the macOS driver"
	)
	return fields{
		"minimumLimaVersion":    version,
		"os":                    inert("rdd runs Linux only", "Linux", resolved),
		"mountType":             inert("rdd carries mounts by 9p", "9p", resolved, ""),
		"mountTypesUnsupported": mountTypes,
		"mountInotify":          inert("rdd does not pass on what changes in a mount", "false"),
		"audio":                 mapping(fields{"device": inert(noSound, "none", "")}),
		"rosetta":               mapping(fields{"enabled": inert(noMac, "false"), "binfmt": inert(noMac, "false")}),
		"nestedVirtualization":  inert("rdd does not nest virtual machines", "false"),
		"osOpts":                otherDriver,
		"upgradePackages":       inert("rdd upgrades no packages by itself: a provision script can", "false"),
		"guestInstallPrefix":    inert("rdd installs nothing there", "/usr/local"),
		"networks":              none("a machine has one network, with ports forwarded to the host"),
	}
}
