// SPDX-License-Identifier: Apache-2.0

package template

import "slices"

// The ways by which mounts are carried, as Lima calls them.
const (
	// Mount9p: the hypervisor serves the directories, and the guest's kernel mounts them.
	Mount9p = "9p"
	// MountSSHFS: the hostagent serves the directories over ssh, and sshfs mounts them in the guest.
	MountSSHFS = "reverse-sshfs"
)

// MountDriver is how mounts are carried: Mount9p, MountSSHFS, or empty for 9p where the guest's
// kernel has it and sshfs elsewhere.
func (t *Template) MountDriver() string {
	switch {
	case t.MountType != "":
		return t.MountType
	case slices.Contains(t.MountTypesUnsupported, Mount9p):
		return MountSSHFS
	case slices.Contains(t.MountTypesUnsupported, MountSSHFS):
		return Mount9p
	default:
		return ""
	}
}

// decodeMountType reads a way of carrying mounts that rdd has.
func (t *Template) decodeMountType(v value) error {
	if err := inert("rdd carries mounts by 9p or sshfs", Mount9p, MountSSHFS, resolved, "")(v); err != nil {
		return err
	}
	return textOr(resolved, &t.MountType)(v)
}

// decodeUnsupported reads a list of Lima's mount types. Those that rdd has not are left out.
func (t *Template) decodeUnsupported(v value) error {
	var types []string
	if err := textList(&types)(v); err != nil {
		return err
	}
	for i, name := range types {
		switch name {
		case Mount9p, MountSSHFS:
			if !slices.Contains(t.MountTypesUnsupported, name) {
				t.MountTypesUnsupported = append(t.MountTypesUnsupported, name)
			}
		case "virtiofs", "wsl2":
		default:
			return v.element(i, v.node.Content[i]).failf("must be one of reverse-sshfs, 9p, virtiofs, wsl2; got `%s`", name)
		}
	}
	return nil
}

// validateMountType checks that a way is left by which mounts can be carried.
func (t *Template) validateMountType() error {
	switch {
	case slices.Contains(t.MountTypesUnsupported, t.MountType):
		return invalid("mountType", "must be none of `mountTypesUnsupported`; got `%s`", t.MountType)
	case len(t.MountTypesUnsupported) == 2 && len(t.Mounts) > 0:
		return invalid("mountTypesUnsupported", "must leave out `9p` or `reverse-sshfs`, as rdd has no other way to carry `mounts`; "+
			"or leave `mounts` out")
	default:
		return nil
	}
}
