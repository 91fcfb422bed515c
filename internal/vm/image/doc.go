// SPDX-License-Identifier: Apache-2.0

// Package image builds guest images from Debian's packages and keeps them in a
// cache that all instances share.
//
// A Recipe says what goes into an image and has a revision: a hash of everything
// here that shapes it, so a newer rdd knows that a cached image is outdated. A build runs in
// namespaces that die with the building process, as root and as an ordinary
// user alike, and needs no mounts of the host, no loop devices and no network but a Debian mirror.
//
// An image is a directory NAME-DIGEST with disk.qcow2 (one ext4 file system,
// no partition table), vmlinuz, initrd and manifest.json. It appears by one rename when it is
// complete and on disk, and never changes afterwards. Nothing in it
// belongs to one machine: users, keys and provisioning are shell scripts that a machine
// gets as the systemd credentials rdd.boot and rdd.provision (see guest/rootfs/usr/lib/rdd).
//
// A machine's disk refers to the image's by absolute path, so an image that Store.Use
// was called for is kept until the machine's directory is gone.
package image
