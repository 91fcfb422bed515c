// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"regexp"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	fallbackName = "rdd"
	fallbackUID  = 1000
	// homeSuffix makes the guest user's home differ from the host user's, which may be mounted at its
	// own path. Lima has it too.
	homeSuffix = ".guest"
	// nobody and the uid after it, which is invalid as one of 16 bits, belong to nobody; maxUID is the
	// last that useradd takes.
	nobody = 65534
	maxUID = 1<<32 - 3
)

// userPattern is what useradd accepts everywhere.
var userPattern = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,30}$`)

// reserved are the users that Linux distributions come with. Names that begin with an underscore or
// systemd- are theirs, too.
var reserved = strings.Fields(`
	abrt adm alpm apache at avahi backup bin chrony cockpit-ws colord cron cyrus daemon dbus dhcpcd dnsmasq ftp
	fwupd-refresh games geoclue git gnats gnome-initial-setup guest halt http irc jetty landscape libvirt-qemu lightdm list lp
	lxd mail man messagebus mysql named netplan news nobody nogroup nscd ntp openvpn operator pipewire polkitd pollinate
	postfix postgres postmaster proxy pulse qemu redis root rpc rpcuser rtkit saned saslauth sddm sgx shutdown smmsp
	speech-dispatcher squid sshd sssd statd stunnel svn sync sys syslog tcpdump tss tty unbound usbmux uucp uuidd vcsa vpopmail
	vnstat wwwrun www-data xfs xrdp`)

// User returns the guest's user for a host user: of the same name where the guest can have such a
// user, else called rdd; and of the same uid, so that files in mounts are the user's. Root, and
// hosts without numbers for users, get uid 1000.
func User(name string, uid int) vmdir.User {
	system := slices.Contains(reserved, name) || strings.HasPrefix(name, "_") || strings.HasPrefix(name, "systemd-")
	if uid == 0 || system || !userPattern.MatchString(name) {
		name = fallbackName
	}
	if uid <= 0 || uid == nobody || uid == nobody+1 || uid > maxUID {
		uid = fallbackUID
	}
	return vmdir.User{Name: name, UID: uid, Home: "/home/" + name + homeSuffix}
}
