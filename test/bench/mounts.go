// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mountTemplate is a guest with one mount, %s.
const mountTemplate = machineTemplate + "mounts:\n- {location: %q, mountPoint: /mnt/bench, writable: true}\n"

// mountScript does the same operations on the guest's own disk and in a mount. For each it prints a
// line: place, seconds, operation.
const mountScript = `set -eu
LC_ALL=C
measure() { # measure WHAT COMMAND…
    local what=$1 begun=$EPOCHREALTIME
    shift
    "$@" >/dev/null 2>&1
    local spent=$((${EPOCHREALTIME/./} - ${begun/./}))
    echo "$place $((spent / 1000000)).$(printf %06d $((spent % 1000000))) $what"
}
forget() { sync; echo 3 | sudo tee /proc/sys/vm/drop_caches >/dev/null; }
mkdir -p /tmp/many
for i in $(seq 2000); do head -c 2048 /dev/urandom >/tmp/many/$i; done
tar -C /tmp -cf /tmp/many.tar many
for place in disk mount; do
    if [ $place = disk ]; then dir=$HOME/bench; else dir=/mnt/bench/work; fi
    mkdir -p $dir
    cd $dir
    measure "write 128 MB in pieces of 1 MB" dd if=/dev/zero of=large bs=1M count=128 conv=fsync
    forget
    measure "read 128 MB" dd if=large of=/dev/null bs=1M
    measure "write 16 MB in pieces of 4 kB" dd if=/dev/zero of=pieces bs=4k count=4096 conv=fsync
    measure "untar 2,000 files of 2 kB" tar -xf /tmp/many.tar
    forget
    measure "stat 2,000 files" ls -l many
    measure "read 2,000 files" cat many/*
    measure "remove 2,000 files" rm -r many
    cd /
    rm -r $dir
done
rm -r /tmp/many /tmp/many.tar
`

// mounts compares a mount of the host with the guest's own disk, in one guest.
func (b *bench) mounts(ctx context.Context) error {
	if err := b.mountMachine(ctx); err != nil {
		return err
	}
	var names []string
	values := map[string][]float64{}
	for range b.runs {
		out, _, _, err := b.rddRun(ctx, machineInstance, "limavm", "shell", "m", "bash", "-c", mountScript)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(out)) {
			name, value, err := parseMount(line)
			if err != nil {
				return err
			}
			if values[name] == nil {
				names = append(names, name)
			}
			values[name] = append(values[name], value)
		}
	}
	for _, name := range names {
		b.figures = append(b.figures, summary(name, "s", values[name], nil))
	}
	_, _, _, err := b.rddRun(ctx, machineInstance, "limavm", "delete", "m")
	return err
}

// mountMachine starts a guest with a mount.
func (b *bench) mountMachine(ctx context.Context) error {
	shared, template := filepath.Join(b.home, "shared"), filepath.Join(b.home, "mounts.yaml")
	if err := os.Mkdir(shared, 0o700); err != nil {
		return err
	}
	// Where this runs as root, the guest's user is another one.
	if err := os.Chmod(shared, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(template, fmt.Appendf(nil, mountTemplate, shared), 0o600); err != nil {
		return err
	}
	_, _, _, err := b.rddRun(ctx, machineInstance, "limavm", "create", "m", template, "--start")
	return err
}

// parseMount reads a line of mountScript.
func parseMount(line string) (name string, seconds float64, err error) {
	fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
	if len(fields) != 3 {
		return "", 0, fmt.Errorf("the guest says %q", line)
	}
	seconds, err = strconv.ParseFloat(fields[1], 64)
	return fmt.Sprintf("%s: %s", fields[0], fields[2]), seconds, err
}
