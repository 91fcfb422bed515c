# SPDX-License-Identifier: Apache-2.0
#
# Lists the kernel modules to remove: those in "drivers" and "sound" that kernel-modules does not
# have, and that no module which stays depends on.
#
#   awk -f unwanted-modules.awk kernel-modules modules.dep

# listed FILE: whether the list has the module, or a folder that it is in.
function listed(path) {
    while (!(path in list)) {
        if (!sub(/\/[^\/]*$/, "", path)) return 0
    }
    return 1
}
NR == FNR {
    if ($0 !~ /^(#|$)/) list[$0]
    next
}
# A line of modules.dep (depmod(8)) has a module, and all that it needs.
{
    sub(/:$/, "", $1)
    modules[$1]
    path = $1
    sub(/^kernel\//, "", path)
    sub(/\.ko.*/, "", path)
    if (path !~ /^(drivers|sound)\// || listed(path)) {
        for (i = 1; i <= NF; i++) stays[$i]
    }
}
END {
    for (file in modules) {
        if (!(file in stays)) print file
    }
}
