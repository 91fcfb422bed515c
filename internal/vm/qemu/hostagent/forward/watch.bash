# SPDX-License-Identifier: Apache-2.0
#
# Tells the host, a line each, what listens in this guest and what time it is; ParseReport says what
# the lines are. A process costs tens of milliseconds where the guest is emulated, so this loop
# starts none. The pause is a read of the standard input, to which nobody writes, and the end of it
# is the end.
LC_ALL=C
exec 2>/dev/null
set -f
was=unknown
told=10000000

# add FILE WIDTH STATE LIMIT: adds the local addresses (WIDTH characters) of what is in STATE to
# found, in the format of proc_pid_net(5). The kernel lists the TCP sockets that listen (0A) before
# all others, which may be many.
add() {
    local line
    mapfile -t -s 1 -n "$4" lines <"/proc/net/$1" || return
    for line in "${lines[@]}"; do
        line=${line#*: }
        if [[ ${line:2*$2+2:2} == "$3" ]]; then
            found+=" $1/${line:0:$2}"
        elif [[ $3 == 0A ]]; then
            return
        fi
    done
    if (($4 > 0 && ${#lines[@]} == $4)); then
        add "$1" "$2" "$3" 0
    fi
}

while :; do
    begun=${EPOCHREALTIME/./}
    found=
    add tcp 13 0A 200
    add tcp6 37 0A 200
    add udp 13 07 0
    add udp6 37 07 0
    if [[ $found != "$was" ]]; then
        echo "listening$found" || exit
        was=$found
    fi
    if ((told >= 10000000)); then
        echo "time $EPOCHREALTIME" || exit
        told=0
    fi
    # A fortieth of one processor at most, and an answer within a second.
    pause=$((40 * (${EPOCHREALTIME/./} - begun)))
    ((pause = pause < 200000 ? 200000 : pause > 900000 ? 900000 : pause))
    ((told += pause))
    read -r -t "0.$pause" _
    if (($? == 1)); then
        exit
    fi
done
