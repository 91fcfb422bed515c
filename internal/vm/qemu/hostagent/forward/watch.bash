# SPDX-License-Identifier: Apache-2.0
#
# Reports to the host, on a line each, what listens in this guest and what time it is. ParseReport
# documents the lines. A process costs tens of milliseconds where the guest is emulated, so this
# loop starts none. It pauses by reading from the standard input, to which nobody writes. At the end
# of the input it ends.
LC_ALL=C
exec 2>/dev/null
set -f
was=unknown
since_time=10000000

# add FILE WIDTH STATE LIMIT: adds to found the local addresses (WIDTH characters) of the sockets in
# STATE, in the format of proc_pid_net(5). At first it reads LIMIT lines only. The kernel lists the
# TCP sockets that listen (0A) before all others, of which there may be many.
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
    if ((since_time >= 10000000)); then
        echo "time $EPOCHREALTIME" || exit
        since_time=0
    fi
    # At most a fortieth of one processor, and a report within a second.
    pause=$((40 * (${EPOCHREALTIME/./} - begun)))
    ((pause = pause < 200000 ? 200000 : pause > 900000 ? 900000 : pause))
    ((since_time += pause))
    read -r -t "0.$pause" _
    if (($? == 1)); then
        exit
    fi
done
