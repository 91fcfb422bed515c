# SPDX-License-Identifier: Apache-2.0
#
# Does what watch.bash does, every second, in a guest without a recent bash. It ends when it writes
# a line after the connection has ended.
LC_ALL=C
export LC_ALL
exec 2>/dev/null
set -f
was=unknown
since_time=10

# add FILE STATE: adds to found the local addresses of the sockets in STATE.
add() {
    while read -r _ address _ state _; do
        if [ "$state" = "$2" ]; then
            found="$found $1/$address"
        elif [ "$2$state" != 0Ast ] && [ "$2" = 0A ]; then
            return
        fi
    done <"/proc/net/$1"
}

while :; do
    found=
    add tcp 0A
    add tcp6 0A
    add udp 07
    add udp6 07
    if [ "$found" != "$was" ]; then
        echo "listening$found" || exit
        was=$found
    fi
    if [ "$since_time" -ge 10 ]; then
        echo "time $(date +%s.%N)" || exit
        since_time=0
    fi
    since_time=$((since_time + 1))
    sleep 1
done
