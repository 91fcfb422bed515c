# SPDX-License-Identifier: Apache-2.0
#
# Does what watch.bash does in a guest without bash, every second, with the shell there is. That the
# connection has ended shows when the next line is written.
LC_ALL=C
export LC_ALL
exec 2>/dev/null
set -f
was=unknown
told=10

# add FILE STATE: adds the local addresses of what is in STATE to found.
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
    if [ "$told" -ge 10 ]; then
        echo "time $(date +%s.%N)" || exit
        told=0
    fi
    told=$((told + 1))
    sleep 1
done
