# SPDX-License-Identifier: Apache-2.0
#
# PATH OWNER PERMISSIONS SIZE: makes standard input the content of a file, by rename, and gives it
# and the directories that are missing to OWNER. Input that does not have SIZE bytes is not all of
# it: the connection broke. Root runs it in the guest.
set -eu
umask 022

give() {
    case $1 in
    *:*) chown "$1" "$2" ;;
    *) chown "$1:" "$2" 2>/dev/null || chown "$1" "$2" ;;
    esac
}

make_dir() {
    if [ -d "$1" ]; then
        return 0
    fi
    make_dir "$(dirname "$1")" "$2" && mkdir "$1" && give "$2" "$1"
}

make_dir "$(dirname "$1")" "$2"
(umask 077 && cat >"$1.rdd-new")
[ "$(wc -c <"$1.rdd-new")" -eq "$4" ]
chmod "$3" "$1.rdd-new"
give "$2" "$1.rdd-new"
mv "$1.rdd-new" "$1"
