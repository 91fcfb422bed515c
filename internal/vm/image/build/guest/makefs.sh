#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Writes a tree as an ext4 file system into a new file, without mounting anything; equal
# trees give equal files. Runs in the build's namespaces.
#
#   makefs.sh TREE FILE UUID SIZE_IN_KIB
#
# No time stamp is newer than SOURCE_DATE_EPOCH. Two kinds of them cannot be set in the
# tree, ctime and the access time that reading changes, and are set in the file.
set -eu
tree=$1 file=$2 uuid=$3 size=$4
export E2FSPROGS_FAKE_TIME="$SOURCE_DATE_EPOCH"

find "$tree" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
mke2fs -q -t ext4 -m 0 -L rdd-root -U "$uuid" \
    -E "hash_seed=$uuid,lazy_itable_init=1,lazy_journal_init=1,nodiscard" -d "$tree" "$file" "${size}k"

{
    find "$tree" -mindepth 1 -printf "sif \"/%P\" ctime @$SOURCE_DATE_EPOCH\nsif \"/%P\" atime @$SOURCE_DATE_EPOCH\n"
    for field in atime ctime mtime; do
        echo "sif /lost+found $field @$SOURCE_DATE_EPOCH"
    done
} >"$file.commands"
debugfs -w -f "$file.commands" "$file" >"$file.output" 2>&1

# debugfs ends with 0 whatever happens; it echoes its commands, and everything else is a complaint.
if grep -v '^debugfs' "$file.output"; then
    echo "setting the time stamps failed"
    exit 1
fi
