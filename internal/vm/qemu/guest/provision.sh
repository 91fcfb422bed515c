# SPDX-License-Identifier: Apache-2.0
#
# The template's provisioning scripts. When one fails the others still run, but the exit code is 1.
# Variables come from above.
set -u
umask 022
failed=0
dir=/run/rdd/scripts
mkdir -p "$dir"

# run WHERE MODE TEXT: runs a script as root or as the user.
run() {
    script=$dir/$1
    printf '%s\n' "$3" >"$script"
    chmod 0700 "$script"
    case $3 in
    "#!"*) shell= ;;
    *) shell=/bin/sh ;;
    esac
    if [ "$2" = user ]; then
        chown "$user:" "$script"
        (as=$user && cd "$home" && export HOME="$home" USER="$user" LOGNAME="$user" && given $shell "$script") </dev/null
    else
        (as= && cd / && export HOME=/root USER=root LOGNAME=root && given $shell "$script") </dev/null
    fi
    code=$?
    if [ "$code" -ne 0 ]; then
        echo "$1 (mode $2) failed with exit code $code"
        failed=1
    fi
}

# apt ARG...: runs apt-get with the template's proxies.
apt() {
    (
        export DEBIAN_FRONTEND=noninteractive
        if [ "$http_proxy" ]; then
            export http_proxy
        fi
        if [ "$https_proxy" ]; then
            export https_proxy
        fi
        exec apt-get -q -o DPkg::Lock::Timeout=600 "$@"
    ) </dev/null
}

# containerd_system: has containerd run. It comes from the distribution's packages where it is
# missing, with what the distribution has of the tools that go with it.
containerd_system() {
    if ! command -v containerd >/dev/null; then
        if ! command -v apt-get >/dev/null; then
            echo "containerd.system: this guest has no apt-get to install containerd with; install it by a script of mode dependency"
            failed=1
            return 0
        fi
        apt update && apt install -y --no-install-recommends containerd runc || {
            echo "containerd.system: containerd cannot be installed"
            failed=1
            return 0
        }
        for package in containernetworking-plugins nerdctl buildkit; do
            if ! apt install -y --no-install-recommends "$package"; then
                echo "containerd.system: going on without $package, which cannot be installed"
            fi
        done
    fi
    systemctl enable --now containerd || {
        echo "containerd.system: containerd does not start"
        failed=1
    }
}

# await_host: waits until the host has changed the files of mode yq and has made mounts.
await_host() {
    while [ ! -e /run/rdd/host-files ]; do
        sleep 0.2
    done
}

finish() {
    if [ -x "$login_shell" ]; then
        usermod --shell "$login_shell" "$user" || failed=1
    elif [ "$login_shell" ]; then
        echo "user.shell: the guest has no $login_shell; a script of mode system or dependency may install it"
        failed=1
    fi
    exit "$failed"
}
