# SPDX-License-Identifier: Apache-2.0
#
# HTTP_PROXY HTTPS_PROXY: installs sshfs where it is missing, by the distribution's own program for
# packages. Root runs it in the guest. Exit code 45: that failed; 46: it is not possible at all.
set -u
if [ "$1" ]; then
    export http_proxy="$1"
fi
if [ "$2" ]; then
    export https_proxy="$2"
fi

has() { command -v "$1" >/dev/null 2>&1; }

# install: what it writes is shown when it fails.
install() {
    if has apt-get; then
        export DEBIAN_FRONTEND=noninteractive
        package=sshfs
        apt-get -q -o DPkg::Lock::Timeout=600 update &&
            apt-get -q -o DPkg::Lock::Timeout=600 install -y --no-install-recommends sshfs
    elif has dnf; then
        package=fuse-sshfs
        dnf -q -y install fuse-sshfs || { epel && dnf -q -y install fuse-sshfs; }
    elif has zypper; then
        package=sshfs
        zypper --non-interactive --quiet install sshfs
    elif has apk; then
        package=sshfs
        apk add --no-cache sshfs
    elif has pacman; then
        package=sshfs
        pacman -Sy --noconfirm --needed sshfs
    else
        echo "the guest has no sshfs, and none of apt-get, dnf, zypper, apk and pacman to install it"
        exit 46
    fi
}

# epel: adds the repository that has sshfs for Enterprise Linux.
epel() {
    dnf -q -y install epel-release || dnf -q -y install "oracle-epel-release-el$(. /etc/os-release && echo "${VERSION_ID%%.*}")"
}

if ! has sshfs; then
    log=/run/rdd/sshfs.log
    if ! install >"$log" 2>&1 </dev/null; then
        echo "the package ${package:-sshfs} cannot be installed in the guest: $(tail -n 5 "$log")"
        exit 45
    fi
fi
modprobe -q fuse || :
if [ ! -e /dev/fuse ]; then
    echo "the guest's kernel $(uname -r) has no FUSE, which sshfs needs"
    exit 46
fi
