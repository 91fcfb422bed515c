// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptCondition knows what scripts ask of this machine: mount says that file systems can be
// mounted, namespace that a PID namespace can be made.
func scriptCondition(name string) (bool, error) {
	switch name {
	case "mount":
		return canMount()
	case "root":
		return os.Geteuid() == 0, nil
	case "namespace":
		return exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true").Run() == nil, nil
	}
	return false, errors.New("unknown condition " + name)
}

func canMount() (bool, error) {
	dir, err := os.MkdirTemp("", "rdd")
	if err != nil {
		return false, err
	}
	defer os.Remove(dir)
	if err := exec.Command("mount", "-t", "tmpfs", "tmpfs", dir).Run(); err != nil {
		return false, nil
	}
	return true, exec.Command("umount", dir).Run()
}

// cmdRot cuts the value of a key in the store of the script's instance, whose daemon does not run.
func cmdRot(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rot KEY")
	}
	driver := "sqlite" // the pure Go driver, else the C one
	if !slices.Contains(sql.Drivers(), driver) {
		driver = "sqlite3"
	}
	db, err := sql.Open(driver, "file:"+scriptPaths(ts.Getenv("HOME")).StoreFile())
	ts.Check(err)
	_, err = db.Exec("UPDATE kine SET value = substr(value, 1, length(value) - 5) WHERE name = ? AND deleted = 0", args[0])
	ts.Check(errors.Join(err, db.Close()))
}

// cmdSmallDisk mounts a small file system on a directory until the script ends.
func cmdSmallDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smalldisk DIR SIZE")
	}
	ts.Check(os.MkdirAll(args[0], 0o700))
	ts.Check(exec.Command("mount", "-t", "tmpfs", "-o", "mode=700,size="+args[1], "tmpfs", args[0]).Run())
	ts.Defer(func() {
		ts.Check(errors.Join(endDaemons(ts.Getenv("HOME")), exec.Command("umount", "-l", args[0]).Run()))
	})
}

// cmdRemount gives a small file system other options.
func cmdRemount(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: remount DIR OPTIONS")
	}
	ts.Check(exec.Command("mount", "-o", "remount,"+args[1], args[0]).Run())
}

// cmdFill takes all room that is left on a file system by a file.
func cmdFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fill FILE")
	}
	f, err := os.OpenFile(args[0], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		ts.Check(err)
	}
	ts.Check(f.Close())
}
