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

# await_host: waits until the host has changed the files of mode yq.
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
