#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The whole initrd: loads the modules that the root disk needs, mounts it and
# hands over to systemd. It never waits without end and never hangs in silence: what it cannot
# cure it says on the console, and powers the machine off.
# A journal is replayed by mounting; there is no other file system check.

fail() {
    echo "rdd-initrd: $1; powering off"
    poweroff -f
}

mount -t devtmpfs dev /dev || fail "cannot mount /dev"
while read -r module; do
    insmod "/modules/$module" || fail "cannot load $module"
done </modules/order

tries=300
while [ ! -b /dev/vda ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "the root disk /dev/vda did not appear within 30 s"
    sleep 0.1
done
mount -t ext4 -o rw,discard,errors=remount-ro /dev/vda /root || fail "cannot mount the root disk /dev/vda"
[ -x /root/sbin/init ] || fail "the root disk holds no /sbin/init"
mount -o move /dev /root/dev || fail "cannot hand over /dev"
exec switch_root /root /sbin/init
