# SPDX-License-Identifier: Apache-2.0
#
# TAG ro|rw DIR USER: mounts on DIR what the host serves by SFTP on this program's standard input
# and output, until the connection ends. Root runs it in the guest. What is mounted there by an
# earlier connection is taken away: nobody answers it any more. Below the mount an empty directory
# is mounted, so that nothing is written to the guest's own disk while the host's is not there.
set -u
tag=$1 access=$2 dir=$3 user=$4
pid_file=/run/rdd/sshfs-$tag.pid

mounted() { [ "$(findmnt -n -o "$1" --mountpoint "$dir" 2>/dev/null </dev/null | tail -n 1)" = "$2" ]; }

make_dir() {
    if [ -d "$1" ]; then
        return 0
    fi
    make_dir "$(dirname "$1")" && mkdir "$1" && chown "$user:" "$1"
}

# A program whose mount hangs would wait for sshfs for ever.
if [ -e "$pid_file" ]; then
    old=$(cat "$pid_file")
    if [ "$(cat "/proc/$old/comm" 2>/dev/null)" = sshfs ]; then
        kill -9 "$old"
    fi
    rm -f "$pid_file"
fi
while mounted FSTYPE fuse.rdd; do
    umount -l "$dir" || exit 1
done

if ! make_dir "$dir"; then
    echo "$dir cannot be made in the guest" >&2
    exit 1
fi
if ! mounted SOURCE rdd-mount; then
    mount -t tmpfs -o ro,size=4k,mode=0555 rdd-mount "$dir" || exit 1
fi

# Older ones have another name for an option. Newer ones keep links within the mount unless they are
# told otherwise; here they lead where they lead on the host.
options=dir_cache=no
help=$(sshfs --help 2>&1 </dev/null)
case $help in
*dir_cache=*) ;;
*) options=cache=no ;;
esac
case $help in
*no_contain_symlinks*) options=$options,no_contain_symlinks ;;
esac

# For systemd a mount of the type sshfs depends on the network, unlike the one below. It would lose
# its place in the order of the shutdown when that comes to light, and the guest would not end.
options=$options,subtype=rdd

exec 3<&0 4>&1 </dev/null >&2
sshfs -f -o slave,allow_other,default_permissions,attr_timeout=0,entry_timeout=0,negative_timeout=0 \
    -o "$options,$access" "$tag:/" "$dir" <&3 >&4 3<&- 4>&- &
pid=$!
exec 3<&- 4>&-
echo "$pid" >"$pid_file"
until mounted FSTYPE fuse.rdd; do
    if ! kill -0 "$pid" 2>/dev/null; then
        wait "$pid"
        exit 1
    fi
    sleep 0.1
done
echo "rdd: mounted" >&2
wait "$pid"
