# SPDX-License-Identifier: Apache-2.0
#
# Run in the guest by root: redirects UDP from QEMU's network to the given ports to the same ports
# of 127.0.0.1, and no other. Without ports it restores the guest as it was. Only the host's
# forwards come from that network: there are no other machines on it.
set -eu
# This file keeps the value that route_localnet had before.
state=/run/rdd/loopback
chain=RDD-LOOPBACK
command -v iptables-restore >/dev/null || {
    echo "the guest has no iptables" >&2
    exit 1
}
# QEMU's network is 10.0.2.0/24.
while read -r device network _; do
    [ "$network" != 0002000A ] || break
done </proc/net/route
switch=/proc/sys/net/ipv4/conf/$device/route_localnet
jump="PREROUTING -i $device -d 10.0.2.15 -p udp -j $chain"
redirected=false
# shellcheck disable=SC2086
if iptables -w 5 -t nat -C $jump 2>/dev/null; then redirected=true; fi

# rules writes a transaction for iptables-restore, which begins with an empty chain.
rules() {
    echo "*nat"
    echo ":$chain - [0:0]"
    for port; do
        echo "-A $chain -p udp --dport $port -j DNAT --to-destination 127.0.0.1:$port"
    done
    case $#,$redirected in
    0,true) echo "-D $jump" ;;
    0,false) ;;
    # Before Docker's rule, which matches everything for this host.
    *,false) echo "-I $jump" ;;
    esac
    [ $# != 0 ] || echo "-X $chain"
    echo COMMIT
}

if [ $# != 0 ]; then
    [ -s $state ] || cat "$switch" >$state
    echo 1 >"$switch"
fi
rules "$@" | iptables-restore -w 5 --noflush
if [ $# = 0 ] && [ -s $state ]; then
    cat $state >"$switch"
    rm $state
fi
