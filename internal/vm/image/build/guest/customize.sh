#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Turns a fresh Debian tree into rdd's guest. mmdebstrap runs it as a customize
# hook, inside the build's namespaces and while the package lists are there.
#
#   customize.sh TREE KIT KERNEL_PACKAGE
#
# KIT holds rootfs/, masked-units and the like; what the initrd is made of goes to
# KIT/kernel and KIT/busybox.
set -eu
umask 022
tree=$1 kit=$2 kernel=$3

# fetch PACKAGE DIR: unpacks a package beside the tree. The guest neither boots its own kernel
# nor updates it, so nothing that installing a kernel brings along is wanted in it.
fetch() {
    mkdir -p "$tree/tmp/rdd-fetch"
    chroot "$tree" sh -c 'cd /tmp/rdd-fetch && apt-get -qq -o APT::Sandbox::User=root download "$1"' fetch "$1"
    chroot "$tree" sh -c 'dpkg-deb -W --showformat="\${Package} \${Version}\n" /tmp/rdd-fetch/*.deb' >>"$kit/fetched"
    chroot "$tree" sh -c 'dpkg-deb -x /tmp/rdd-fetch/*.deb /tmp/rdd-fetch/tree'
    mv "$tree/tmp/rdd-fetch/tree" "$2"
    rm -r "$tree/tmp/rdd-fetch"
}

# expand DIR: decompresses the modules that booting and Docker load: an emulated processor
# spends seconds on it.
expand() {
    for part in crypto drivers/acpi drivers/char drivers/firmware drivers/input/evdev.ko.xz \
        drivers/net/virtio_net.ko.xz drivers/virtio fs/9p fs/autofs fs/netfs fs/overlayfs lib net; do
        find "$1/$part" -name '*.ko.xz' ! -path '*/net/bluetooth/*' ! -path '*/net/mac80211/*' \
            ! -path '*/net/wireless/*' ! -path '*/net/nfc/*' ! -path '*/net/can/*' \
            -exec "$kit/busybox/usr/bin/busybox" unxz {} +
    done
}

# prune DIR VERSION: removes the modules for hardware that no virtual machine has. DIR has
# modules.dep.
prune() {
    chroot "$tree" awk "$(cat "$kit/unwanted-modules.awk")" - "/usr/lib/modules/$2/modules.dep" <"$kit/kernel-modules" |
        (cd "$1" && xargs rm)
    find "$1/kernel" -type d -empty -delete
}

# dependency META: the versioned package that a kernel meta package stands for.
dependency() {
    chroot "$tree" apt-cache depends "$1" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p'
}

fetch "$(dependency "$kernel")" "$kit/kernel"
fetch busybox-static "$kit/busybox"

version=$(ls "$kit/kernel/usr/lib/modules")
mkdir -p "$tree/usr/lib/modules"
mv "$kit/kernel/usr/lib/modules/$version" "$tree/usr/lib/modules/$version"
chroot "$tree" depmod "$version"
prune "$tree/usr/lib/modules/$version" "$version"
expand "$tree/usr/lib/modules/$version/kernel"
chroot "$tree" depmod "$version"
echo "$version" >"$kit/kernel/version"

# A link in the tree might point out of it: never write through one.
cp -R --remove-destination "$kit/rootfs/." "$tree/"
chown -R -h 0:0 "$tree/etc/systemd" "$tree/usr/lib/rdd"
rm -f "$tree/etc/apt/sources.list" "$tree"/etc/apt/sources.list.d/0*.list
rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/hostname"
grep -v '^#' "$kit/masked-units" | while read -r unit; do
    ln -sfn /dev/null "$tree/etc/systemd/system/$unit"
done
mkdir -p "$tree/etc/systemd/system-generators"
grep -v '^#' "$kit/masked-generators" | while read -r generator; do
    ln -sfn /dev/null "$tree/etc/systemd/system-generators/$generator"
done
chroot "$tree" systemctl --quiet enable systemd-networkd.service rdd-boot.service rdd-names.service rdd-provision.service
chroot "$tree" systemctl --quiet set-default multi-user.target

# Docker runs iptables dozens of times; the older one takes 20 ms each where the nft one takes 100.
chroot "$tree" update-alternatives --quiet --set iptables /usr/sbin/iptables-legacy
chroot "$tree" update-alternatives --quiet --set ip6tables /usr/sbin/ip6tables-legacy

chroot "$tree" dpkg-query -W -f '${Package} ${Version}\n' >"$kit/installed"

# What differs from build to build, or is made again by itself.
rm -rf "$tree"/var/log/* "$tree"/var/cache/* "$tree"/var/lib/systemd/* "$tree"/var/lib/dbus/machine-id
rm -rf "$tree"/var/lib/apt/extended_states "$tree"/var/backups/* "$tree"/var/lib/dpkg/*-old
mkdir -p "$tree/var/cache/apt/archives/partial" "$tree/var/log/journal" && rmdir "$tree/var/log/journal"
