// SPDX-License-Identifier: Apache-2.0

//go:build linux

package instance

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestProtect(t *testing.T) {
	w := newWorld(t)
	w.make()
	if mended, err := w.inst.Protect(); err != nil || mended != nil {
		t.Errorf("in new directories: %v, %v", mended, err)
	}
	modes := map[string]struct{ was, want fs.FileMode }{
		w.inst.Dir: {0o755, 0o700}, w.inst.LogDir: {0o750, 0o700}, w.inst.ShortDir: {0o711, 0o700}, w.inst.LimaHome(): {0o777, 0o700},
		w.inst.BinDir(): {0o755, 0o700}, w.inst.TLSDir(): {0o701, 0o700}, w.path(".rd.d"): {0o755, 0o700},
		w.path(".local/share/rancher-desktop.d"): {0o755, 0o700}, w.path(".local/state/rancher-desktop.d"): {0o755, 0o700},
		filepath.Join(w.inst.LimaHome(), "x"): {0o755, 0o700},
		w.inst.CacheDir:                       {0o775, 0o755}, w.inst.ImageDir(): {0o757, 0o755},
		filepath.Join(w.inst.TLSDir(), "token"): {0o644, 0o600}, w.inst.ConfigFile(): {0o640, 0o600}, w.inst.StoreFile(): {0o666, 0o600},
		filepath.Join(w.inst.Dir, "backups", "b"): {0o604, 0o600},
	}
	w.must(os.MkdirAll(filepath.Join(w.inst.LimaHome(), "x"), 0o700))
	for path := range modes {
		if _, err := os.Stat(path); err != nil {
			w.write(path, "")
		}
	}
	for path, mode := range modes {
		w.must(os.Chmod(path, mode.was))
	}
	mended, err := w.inst.Protect()
	w.must(err)
	if len(mended) != len(modes) {
		t.Errorf("mended %v", mended)
	}
	for _, m := range mended {
		if m.Err != nil || m.Mode != modes[m.Path].was {
			t.Errorf("mended %+v", m)
		}
	}
	for path, mode := range modes {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode.want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, mode.want)
		}
	}
	if mended, err := w.inst.Protect(); err != nil || mended != nil {
		t.Errorf("once more: %v, %v", mended, err)
	}
}

func TestAnotherUsersFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	w := newWorld(t)
	w.make()
	token := filepath.Join(w.inst.TLSDir(), "token")
	w.write(token, "")
	w.must(os.Chown(token, 12345, -1))
	if mended, err := w.inst.Protect(); err == nil || err.Error() != checkOwner(token).Error() {
		t.Errorf("mended %v, %v", mended, err)
	}
}
