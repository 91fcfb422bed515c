// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rancherdesktop.io/rdd/internal/process"
)

const (
	// exportOption is QEMU's, and serveCommand rdd's own, by which a directory is exported to a guest.
	exportOption, serveCommand = "-fsdev", "serve-mounts"
	// namePrefix begins the argument of both that names the machine.
	namePrefix = "guest="
)

// guest is a running virtual machine of this user that sees directories of the host.
type guest struct {
	pid  int
	name string
}

// runningGuests returns this user's guests, whichever instance started them.
func runningGuests() ([]guest, error) {
	pids, err := process.OwnWithArgument(exportOption)
	if err != nil {
		return nil, err
	}
	servers, err := process.OwnWithArgument(serveCommand)
	if err != nil {
		return nil, err
	}
	var guests []guest
	for _, pid := range slices.Concat(pids, servers) {
		args, err := process.CommandLine(pid)
		if errors.Is(err, process.ErrGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		g := guest{pid: pid}
		for _, arg := range slices.Backward(args) { // the first one counts
			if name, found := strings.CutPrefix(arg, namePrefix); found {
				g.name = name
			}
		}
		guests = append(guests, g)
	}
	return guests, nil
}

// seenBy returns the guests that see a directory of the host, or would see it if it was made.
func seenBy(guests []guest, dir string) ([]guest, error) {
	if len(guests) == 0 {
		return nil, nil
	}
	for {
		_, err := os.Stat(dir)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		dir = filepath.Dir(dir)
	}
	var seen []guest
	for _, g := range guests {
		reached, err := process.Reaches(g.pid, dir)
		if err != nil {
			return nil, err
		}
		if reached {
			seen = append(seen, g)
		}
	}
	return seen, nil
}

// exposedError says that rdd makes no directory, because guests would see it.
type exposedError struct {
	dir    string
	guests []guest
}

func (e *exposedError) Error() string {
	var names, pids []string
	for _, g := range e.guests {
		names = append(names, fmt.Sprintf("%q (process %d)", g.name, g.pid))
		pids = append(pids, strconv.Itoa(g.pid))
	}
	return fmt.Sprintf("what rdd writes to %s would be seen by guests, which were started before that directory was made: %s; "+
		"end these virtual machines, then try again (if rdd does not find them any more: kill %s)",
		e.dir, strings.Join(names, ", "), strings.Join(pids, " "))
}
