# SPDX-License-Identifier: Apache-2.0
#
# The machine's settings, applied before any service starts; it runs at every boot,
# changes only what differs, and stops at the first error. Variables come from above.
set -eu
umask 022
as=
newline='
'

# put FILE MODE TEXT: writes TEXT and a newline to FILE, which is root's, by rename, unless it has
# them already.
put() {
    if [ -e "$1" ] && [ "$(cat "$1")" = "$3" ]; then
        return 0
    fi
    (umask 077 && printf '%s\n' "$3" >"$1.rdd-new")
    [ "$2" = 0600 ] || chmod "$2" "$1.rdd-new"
    mv "$1.rdd-new" "$1"
}

# block FILE TEXT [first]: makes TEXT the lines of FILE between rdd's markers, at its end or its
# beginning. What the distribution and people wrote there stays.
block() {
    others= ours=
    if [ -e "$1" ]; then
        while IFS= read -r line || [ -n "$line" ]; do
            case $line in
            "# rdd: begin") ours=yes ;;
            "# rdd: end") ours= ;;
            *) [ "$ours" ] || others=$others$line$newline ;;
            esac
        done <"$1"
    fi
    ours=${2:+"# rdd: begin$newline$2$newline# rdd: end$newline"}
    if [ "${3-}" ]; then
        others=$ours$others
    else
        others=$others$ours
    fi
    if [ "$others" ]; then
        put "$1" 0644 "${others%"$newline"}"
    fi
}

# The root file system follows the disk, which may have grown. Where it is in a partition, that is
# cloud-init's work.
grow() {
    grep -q '^/dev/vda / ext4 ' /proc/self/mounts || return 0
    size=$(cat /sys/class/block/vda/size)
    if [ "$(cat /var/lib/rdd/disk-size 2>/dev/null || :)" != "$size" ]; then
        resize2fs /dev/vda
        put /var/lib/rdd/disk-size 0644 "$size"
    fi
}

# free_uid: gives another uid to the image's own user who has that of the guest's user.
free_uid() {
    holder=$(awk -F: -v uid="$uid" '$3 == uid { print $1; exit }' /etc/passwd)
    if [ -z "$holder" ]; then
        return 0
    fi
    other=$(awk -F: '{ used[$3] = 1 } END { for (n = 61000; n in used; n++); print n }' /etc/passwd)
    put /etc/passwd 0644 "$(awk -F: -v OFS=: -v uid="$uid" -v other="$other" '$3 == uid { $3 = other } { print }' /etc/passwd)"
    find / -xdev -uid "$uid" -exec chown -h "$other" {} +
}

make_user() {
    if ! has=$(id -u "$user" 2>/dev/null); then
        free_uid
        groups= group=--user-group
        for name in docker sudo wheel; do
            if getent group "$name" >/dev/null; then
                groups=${groups:+$groups,}$name
            fi
        done
        if getent group "$user" >/dev/null; then
            group="--no-user-group --gid $user"
        fi
        useradd --create-home --home-dir "$home" --shell /bin/bash ${comment:+--comment "$comment"} --uid "$uid" $group \
            ${groups:+--groups "$groups"} "$user"
    elif [ "$has" != "$uid" ] && [ "$has" -lt 1000 ]; then
        echo "the image has a system account named $user, with uid $has: give the guest's user another name with user.name in the template"
        return 1
    elif [ "$has" != "$uid" ]; then
        free_uid
        usermod --uid "$uid" "$user"
    fi
    if [ "$(getent passwd "$user" | cut -d: -f6)" != "$home" ]; then
        usermod --home "$home" --move-home "$user"
    fi
    # Without its shell nobody could log in: the provisioning scripts may install it.
    if [ -x "$login_shell" ] && [ "$(getent passwd "$user" | cut -d: -f7)" != "$login_shell" ]; then
        usermod --shell "$login_shell" "$user"
    fi
    put /etc/sudoers.d/90-rdd 0440 "$user ALL=(ALL:ALL) NOPASSWD: ALL"
}

let_user_in() {
    if [ ! -d "$home/.ssh" ]; then
        mkdir -m 0700 "$home/.ssh"
        chown "$user:" "$home/.ssh"
    fi
    keys=$home/.ssh/authorized_keys
    if ! grep -qxF "$authorized_key" "$keys" 2>/dev/null; then
        printf '%s\n' "$authorized_key" >>"$keys"
        chmod 0600 "$keys"
        chown "$user:" "$keys"
    fi
    put /etc/ssh/ssh_host_ed25519_key 0600 "$host_key"
}

# ssh_environment LINE: configures sshd with the variables that /etc/environment cannot hold, if it
# accepts LINE.
ssh_environment() {
    conf=/etc/ssh/sshd_config.d/90-rdd.conf
    if [ -z "$1" ]; then
        rm -f "$conf"
        return 0
    fi
    put "$conf" 0600 "$1"
    mkdir -p /run/sshd
    sshd -t || {
        rm -f "$conf"
        echo "env: this guest's sshd cannot be given these values"
        return 1
    }
}

# limit_ssh: makes sshd let everybody in who has the key, however many connections are open that do
# nothing: all of them come from the host, at 10.0.2.2, so sshd must not punish an address. In rdd's
# images it leaves port 22 to containers.
limit_ssh() {
    conf=/etc/ssh/sshd_config.d/00-rdd.conf
    [ -d "${conf%/*}" ] || return 0
    mkdir -p /run/sshd
    limits="MaxStartups 100${newline}MaxSessions 100${newline}LoginGraceTime 60"
    # Before OpenSSH 9.8 there are no penalties, and no such setting.
    if grep -qs '^PerSourcePenalties' "$conf" || sshd -t -o PerSourcePenalties=no 2>/dev/null; then
        limits=$limits${newline}"PerSourcePenalties no"
    fi
    put "$conf" 0644 "# by rdd${newline}${limits}${ssh_port:+${newline}Port $ssh_port}"
}

# serve_rdd: starts an sshd for rdd alone, which nobody else's connections keep from letting it in.
# Its settings are those of the guest's sshd. Where it cannot be started rdd shares that one; with
# SELinux sshd may have port 22 only.
serve_rdd() {
    if [ ! -d /run/systemd/system ] || [ "$(cat /sys/fs/selinux/enforce 2>/dev/null || :)" = 1 ]; then
        return 0
    fi
    program=$(command -v sshd) || return 0
    penalties=$(sed -n 's/^PerSourcePenalties.*/-o PerSourcePenalties=no/p' /etc/ssh/sshd_config.d/00-rdd.conf 2>/dev/null || :)
    put /run/systemd/system/rdd-ssh.service 0644 "[Unit]
Description=ssh server for rdd alone
After=network.target rdd-boot.service
StartLimitIntervalSec=60
StartLimitBurst=10

[Service]
ExecStart=$program -D -p $own_ssh_port -o PidFile=none -o MaxStartups=100 -o MaxSessions=100 $penalties
RuntimeDirectory=sshd
RuntimeDirectoryPreserve=yes
KillMode=process
Restart=always
RestartSec=1"
    systemctl start --no-block rdd-ssh.service || echo "rdd's own ssh server does not start"
}

# set_timezone NAME: without a name the image's stays, or comes back.
set_timezone() {
    mine=/var/lib/rdd/timezone # holds the image's own
    if [ -z "$1" ] && [ ! -e "$mine" ]; then
        return 0
    fi
    zone=${1:+/usr/share/zoneinfo/$1}
    if [ "$zone" ] && [ ! -f "$zone" ]; then
        echo "timezone: the guest has no time zone $1 (in Debian: package tzdata)"
        return 1
    fi
    if [ "$zone" ]; then
        [ -e "$mine" ] || put "$mine" 0644 "$(readlink /etc/localtime || :)"
    else
        zone=$(cat "$mine")
        rm -f "$mine"
    fi
    if [ "$zone" ]; then
        ln -sfn "$zone" /etc/localtime
    else
        rm -f /etc/localtime
    fi
    if [ -e /etc/timezone ]; then
        put /etc/timezone 0644 "${zone#*/zoneinfo/}"
    fi
}

# set_name_servers LINES: only a resolv.conf that is a file of rdd's image is changed; in others
# cloud-init has configured the network.
set_name_servers() {
    if [ -L /etc/resolv.conf ] || ! grep -q "^# by rdd${1:+\|SPDX}" /etc/resolv.conf 2>/dev/null; then
        return 0
    fi
    put /etc/resolv.conf 0644 "# by rdd${newline}${1:-nameserver 10.0.2.3}"
}

# ca_certs true|false CERTIFICATE...: the guest's programs trust these certificates, too, or, with
# true, no others. What distributions have for it is run only when something differs.
ca_certs() {
    mine=/var/lib/rdd/ca-certs # holds what was set; before it, the image's own settings hold
    set_to=$(printf '%s\n' "$@")
    if [ "$(cat "$mine" 2>/dev/null || echo false)" = "$set_to" ]; then
        return 0
    fi
    update= anchors=/usr/local/share/ca-certificates
    for program in update-ca-trust update-ca-certificates; do
        if command -v "$program" >/dev/null; then
            update=$program
        fi
    done
    for dir in /etc/pki/trust/anchors /etc/pki/ca-trust/source/anchors /etc/ca-certificates/trust-source/anchors; do
        if [ -d "$dir" ]; then
            anchors=$dir
        fi
    done
    if [ -z "$update" ]; then
        echo "caCerts: the guest has neither update-ca-certificates nor update-ca-trust (in Debian: package ca-certificates)"
        return 1
    fi
    default_certs "$1" || return 1
    shift
    rm -f "$anchors"/rdd-*.crt
    mkdir -p "$anchors"
    number=0
    for certificate; do
        put "$anchors/rdd-$number.crt" 0644 "$certificate"
        number=$((number + 1))
    done
    if ! output=$("$update" 2>&1); then
        echo "caCerts: $update failed: $output"
        return 1
    fi
    put "$mine" 0644 "$set_to"
}

# default_certs REMOVE: with true, deselects what the distribution trusts, as ca-certificates.conf
# has it; otherwise that file is the image's again.
default_certs() {
    conf=/etc/ca-certificates.conf
    copy=/var/lib/rdd/ca-certificates.conf # the image's
    if [ "$1" = false ]; then
        if [ -e "$copy" ]; then
            mv "$copy" "$conf"
        fi
        return 0
    fi
    if [ ! -e "$conf" ]; then
        echo "caCerts.removeDefaults: this guest has no $conf, so the certificates that it comes with stay; leave removeDefaults out"
        return 1
    fi
    if [ ! -e "$copy" ]; then
        put "$copy" 0644 "$(cat "$conf")"
    fi
    put "$conf" 0644 "$(sed 's/^[^#!]/!&/' "$copy")"
}

# keep FILE TEXT: makes TEXT the content of FILE; without TEXT there is no FILE.
keep() {
    if [ "$2" ]; then
        mkdir -p "${1%/*}"
        put "$1" 0644 "$2"
    else
        rm -f "$1"
    fi
}

# make_dir DIR OWNER: makes DIR and those above it that are missing, as OWNER's.
make_dir() {
    if [ -d "$1" ]; then
        return 0
    fi
    make_dir "$(dirname "$1")" "$2" && mkdir "$1" && give "$2" "$1"
}

# give OWNER FILE: a user without a group means the group of that user, where there is such a user.
give() {
    case $1 in
    *:*) chown "$1" "$2" ;;
    *) chown "$1:" "$2" 2>/dev/null || chown "$1" "$2" ;;
    esac
}

# file WHERE PATH OWNER PERMISSIONS OVERWRITE CONTENT: a file of the template, by rename.
file() {
    if [ -d "$2" ]; then
        echo "$1: $2 is a directory"
        return 1
    fi
    if [ "$5" = false ] && [ -e "$2" ]; then
        return 0
    fi
    make_dir "$(dirname "$2")" "$3" || {
        echo "$1: the directory of $2 cannot be made"
        return 1
    }
    (umask 077 && printf '%s' "$6" >"$2.rdd-new")
    chmod "$4" "$2.rdd-new" && give "$3" "$2.rdd-new" && mv "$2.rdd-new" "$2" || {
        rm -f "$2.rdd-new"
        echo "$1: $2 cannot be written"
        return 1
    }
}

# run WHERE MODE TEXT: a provisioning script of the template, which runs before any service here.
run() {
    put "/run/rdd/$1" 0700 "$3"
    case $3 in
    "#!"*) shell= ;;
    *) shell=/bin/sh ;;
    esac
    (cd / && given $shell "/run/rdd/$1") || {
        code=$?
        echo "$1 (mode $2) failed with exit code $code"
        return 1
    }
}

# has_9p: whether the kernel mounts directories of QEMU's.
has_9p() {
    modprobe -q 9p || :
    modprobe -q 9pnet_virtio || :
    grep -qw 9p /proc/filesystems
}

# share FIELD TAG ro|rw DIR: mounts a directory of the host. Reads and writes go to the host at once
# (directio), so that both sides see each other's changes. Only what programs map into memory is
# cached (cache=mmap). What is not mounted by 9p is left to the host: see share_later.
share() {
    if [ "$(findmnt -n -o SOURCE --mountpoint "$4" || :)" = "$2" ]; then
        return 0
    fi
    if [ "$mount_driver" = reverse-sshfs ]; then
        share_later "$4"
        return 0
    fi
    if ! has_9p; then
        if [ -z "$mount_driver" ]; then
            share_later "$4"
            return 0
        fi
        echo "$1 cannot be mounted: the guest's kernel $(uname -r) has no 9p file system;" \
            "leave mountType out of the template, or take reverse-sshfs," \
            "or an image whose kernel has 9p (Debian's generic ones, not genericcloud)"
        return 1
    fi
    make_dir "$4" "$user" || {
        echo "$1 cannot be mounted: $4 cannot be made in the guest"
        return 1
    }
    mount -t 9p -o "trans=virtio,version=9p2000.L,msize=131072,cache=mmap,directio,$3" "$2" "$4" || {
        echo "$1 cannot be mounted on $4"
        return 1
    }
}

# share_later DIR: has the host mount a directory on DIR by sshfs, when ssh is up. Until then, and
# whenever that mount is lost, nothing can be written to DIR, which would be hidden later. What is
# inside another mount is made with that.
share_later() {
    : >/run/rdd/sshfs
    if make_dir "$1" "$user" 2>/dev/null; then
        mount -t tmpfs -o ro,size=4k,mode=0555 rdd-mount "$1" || :
    fi
}

# hold_services: lets services that may use mounts start when the host has made them.
hold_services() {
    if [ ! -e /run/rdd/sshfs ] || [ ! -d /run/systemd/system ]; then
        return 0
    fi
    put /run/systemd/system/rdd-mounts.service 0644 "[Unit]
Description=directories of the host
Before=containerd.service docker.service podman.service crio.service k3s.service kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'until [ -e /run/rdd/mounted ]; do sleep 0.2; done'
TimeoutStartSec=900"
    systemctl start --no-block rdd-mounts.service || echo "services do not wait for mounts"
}

# disk FIELD SERIAL DIR FORMAT TYPE ARG...: mounts an additional disk on DIR. One that holds nothing
# yet gets a file system of TYPE, which belongs to the user. Others are never formatted.
disk() {
    field=$1 serial=$2 dir=$3 format=$4 type=$5
    shift 5
    if [ "$format" = false ] || findmnt -n --mountpoint "$dir" >/dev/null; then
        return 0
    fi
    device=
    for block in /sys/block/*; do
        if [ "$(cat "$block/serial" 2>/dev/null || :)" = "$serial" ]; then
            device=/dev/${block##*/}
        fi
    done
    if [ -z "$device" ]; then
        echo "$field: the guest has no disk with the serial $serial"
        return 1
    fi
    if [ -e "${device}1" ]; then
        device=${device}1 # Lima's disks have a partition
    fi
    if [ "$(head -c 1048576 "$device" | wc -c)" -ne 1048576 ]; then
        echo "$field: the disk cannot be read"
        return 1
    fi
    fresh=
    if [ -z "$(head -c 1048576 "$device" | tr -d '\000' | head -c 1 | od -An -c)" ]; then
        if ! output=$("mkfs.$type" "$@" "$device" 2>&1); then
            echo "$field: mkfs.$type failed: $output"
            return 1
        fi
        fresh=yes
    fi
    mkdir -p "$dir"
    if ! output=$(mount "$device" "$dir" 2>&1); then
        echo "$field: the disk cannot be mounted on $dir: $output"
        return 1
    fi
    if [ "$fresh" ]; then
        chown "$user:" "$dir"
    fi
    case $(findmnt -n -o FSTYPE --mountpoint "$dir") in # the disk may have grown
    ext4) resize2fs "$device" >/dev/null 2>&1 || echo "$field: the file system has not grown with the disk" ;;
    xfs) xfs_growfs "$dir" >/dev/null 2>&1 || echo "$field: the file system has not grown with the disk" ;;
    esac
}

# link PATH DIR: makes PATH lead to DIR, as on the host. What the guest has there stays, but for the
# empty directory that Docker makes for a path which it does not find.
link() {
    if [ -e "$1" ] && [ ! -L "$1" ] && ! rmdir "$1" 2>/dev/null; then
        echo "$1 does not lead to $2, as on the host: the guest has something there"
        return 0
    fi
    make_dir "$(dirname "$1")" "$user" && ln -sfn "$2" "$1" || echo "$1 does not lead to $2, as on the host"
}

finish() { serve_rdd; }

mkdir -p /var/lib/rdd
grow & # takes seconds of an emulated processor, the first time
growing=$!
make_user
let_user_in
limit_ssh
block /etc/environment "$environment"
ssh_environment "$ssh_environment"
keep /etc/profile.d/zz-rdd.sh "$profile"
keep /etc/environment.d/99-rdd.conf "$unit_variables"
block /etc/hosts "$hosts" first
set_timezone "$timezone"
set_name_servers "$name_servers"
wait "$growing" # before what the template does, which may need the space
