// SPDX-License-Identifier: Apache-2.0

//go:build linux

package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the database that programs in a guest may keep in a mount
)

// semanticsVariable is the environment variable that makes this test binary try, in a guest, what
// programs expect of files. Its value is the directory to try it in.
const semanticsVariable = "RDD_E2E_FILE_SEMANTICS"

func TestMain(m *testing.M) {
	dir := os.Getenv(semanticsVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	failed := 0
	for _, s := range semantics {
		if err := s.try(func(name string) string { return filepath.Join(dir, s.name+"-"+name) }); err != nil {
			fmt.Printf("%s: %v\n", s.name, err)
			failed = 1
		}
	}
	os.Exit(failed)
}

// checkFileSemantics runs this test's program in the guest, from a mount and in it.
func checkFileSemantics(fx effects) {
	program, err := os.Executable()
	if err != nil {
		fx.t.Fatal(err)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		fx.t.Fatal(err)
	}
	if err := os.WriteFile(fx.shared("program"), data, 0o755); err != nil {
		fx.t.Fatal(err)
	}
	fx.expect(fx.in("mkdir "+fx.shared("semantics")+" && "+semanticsVariable+"="+fx.shared("semantics")+" "+fx.shared("program")), "")
	if err := os.Remove(fx.shared("program")); err != nil {
		fx.t.Error(err)
	}
}

// semantics are operations of databases, build tools and editors on files.
var semantics = []struct {
	name string
	try  func(path func(string) string) error
}{
	{"mapped", tryMapping}, {"locked", tryLocks}, {"replaced", tryReplacing}, {"unlinked", tryUnlinked}, {"linked", tryLinks},
	{"sqlite-delete", func(path func(string) string) error { return trySQLite(path("db"), "delete") }},
	{"sqlite-wal", func(path func(string) string) error { return trySQLite(path("db"), "wal") }},
}

// tryMapping writes through a shared mapping and reads with read(2), and the other way round.
func tryMapping(path func(string) string) error {
	f, err := os.OpenFile(path("file"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(8192); err != nil {
		return err
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.Munmap(mapped)
	copy(mapped, "mapped")
	read := make([]byte, 6)
	if _, err := f.ReadAt(read, 0); err != nil || string(read) != "mapped" {
		return fmt.Errorf("read %q after writing to the mapping: %w", read, err)
	}
	if _, err := f.WriteAt([]byte("writ"), 4096); err != nil {
		return err
	}
	if string(mapped[4096:4100]) != "writ" {
		return fmt.Errorf("the mapping holds %q after a write", mapped[4096:4100])
	}
	return unix.Msync(mapped, unix.MS_SYNC)
}

func tryLocks(path func(string) string) error {
	var files [2]*os.File
	for i := range files {
		var err error
		if files[i], err = os.OpenFile(path("file"), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
			return err
		}
		defer files[i].Close()
	}
	if err := unix.Flock(int(files[0].Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if err := unix.Flock(int(files[1].Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("flock of a locked file: %w", err)
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(files[0].Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		return err
	}
	if err := unix.FcntlFlock(files[1].Fd(), unix.F_OFD_SETLK, &lock); !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("fcntl lock of a locked file: %w", err)
	}
	return nil
}

// tryReplacing renames a file over one that is open, as editors save.
func tryReplacing(path func(string) string) error {
	if err := errors.Join(os.WriteFile(path("file"), []byte("old"), 0o644), os.WriteFile(path("new"), []byte("new"), 0o644)); err != nil {
		return err
	}
	old, err := os.Open(path("file"))
	if err != nil {
		return err
	}
	defer old.Close()
	if err := os.Rename(path("new"), path("file")); err != nil {
		return err
	}
	text := make([]byte, 3)
	if _, err := old.ReadAt(text, 0); err != nil || string(text) != "old" {
		return fmt.Errorf("the open file holds %q: %w", text, err)
	}
	if now, err := os.ReadFile(path("file")); err != nil || string(now) != "new" {
		return fmt.Errorf("the new file holds %q: %w", now, err)
	}
	return nil
}

// tryUnlinked goes on with a file that has no name any more, as temporary files are used.
func tryUnlinked(path func(string) string) error {
	f, err := os.OpenFile(path("file"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Remove(path("file")); err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte("abc"), 0); err != nil {
		return err
	}
	text := make([]byte, 3)
	if _, err := f.ReadAt(text, 0); err != nil || string(text) != "abc" {
		return fmt.Errorf("it holds %q: %w", text, err)
	}
	return f.Sync()
}

func tryLinks(path func(string) string) error {
	if err := os.WriteFile(path("file"), []byte("text"), 0o644); err != nil {
		return err
	}
	if err := errors.Join(os.Symlink(filepath.Base(path("file")), path("symbolic")), os.Link(path("file"), path("hard"))); err != nil {
		return err
	}
	for _, name := range []string{"symbolic", "hard"} {
		if text, err := os.ReadFile(path(name)); err != nil || string(text) != "text" {
			return fmt.Errorf("through the %s link: %q, %w", name, text, err)
		}
	}
	return nil
}

func trySQLite(path, mode string) error {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode("+mode+")")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "create table t(a); insert into t values (1), (2); update t set a = a + 1"); err != nil {
		return err
	}
	var sum int
	var used string
	err = errors.Join(db.QueryRowContext(ctx, "select sum(a) from t").Scan(&sum), db.QueryRowContext(ctx, "pragma journal_mode").Scan(&used))
	if err != nil || sum != 5 || used != mode {
		return fmt.Errorf("sum %d in mode %s: %w", sum, used, err)
	}
	return nil
}
