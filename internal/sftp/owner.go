// SPDX-License-Identifier: Apache-2.0

package sftp

// ID is a user or a group that has another number in the guest than on the host.
type ID struct{ Host, Guest int }

// toGuest maps the id of a file on the host.
func (i ID) toGuest(id uint32) uint32 {
	if id == uint32(i.Host) {
		return uint32(i.Guest)
	}
	return id
}

// toHost maps an id of a request, as os.Chown takes it: -1 changes nothing.
func (i ID) toHost(id uint32) int {
	switch id {
	case unchanged:
		return -1
	case uint32(i.Guest):
		return i.Host
	default:
		return int(id)
	}
}
