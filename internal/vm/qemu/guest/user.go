// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
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
	if uid == 0 || system || !template.UserPattern.MatchString(name) {
		name = fallbackName
	}
	if uid <= 0 || uid == nobody || uid == nobody+1 || uid > maxUID {
		uid = fallbackUID
	}
	return vmdir.User{Name: name, UID: uid, Home: "/home/" + name + homeSuffix}
}

// UserFor is User with what a template says of the guest's user. A name that it gives is taken as
// it is: the guest reports when it has an account of that name.
func UserFor(wanted template.GuestUser, name string, uid int) vmdir.User {
	user := User(name, uid)
	if wanted.Name != "" {
		user.Name, user.Home = wanted.Name, "/home/"+wanted.Name+homeSuffix
	}
	if wanted.UID != 0 {
		user.UID = wanted.UID
	}
	if wanted.Home != "" {
		user.Home = wanted.HomeOf(user.Name)
	}
	return user
}
