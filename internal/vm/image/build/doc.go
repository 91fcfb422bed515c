// SPDX-License-Identifier: Apache-2.0

// Package build makes guest images from Debian's packages.
//
// A Recipe says what goes into an image and has a revision: a hash of everything here that shapes
// it, so a newer rdd knows that a cached image is outdated. A build runs in namespaces that die
// with the building process, as root and as an ordinary user alike. It needs no mounts of the host,
// no loop devices and no network but a Debian mirror.
//
// The image has disk.qcow2 (one ext4 file system, no partition table), vmlinuz and initrd. Nothing
// in it belongs to one machine: users, keys and provisioning are shell scripts that a machine gets
// as the systemd credentials rdd.boot and rdd.provision (see guest/rootfs/usr/lib/rdd).
//
// The parts of a build are tested without a mirror; RDD_TEST_IMAGE_BUILD=1 builds an image, and
// kills the builder in several steps first.
package build
