// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"fmt"
	"os"
)

// protectKeys takes away the access that other users have to the machine's private keys. The
// instance's directories are closed to them by the daemon.
func (a *agent) protectKeys() error {
	for _, path := range []string{a.Dir.UserKey(), a.Dir.HostKey()} {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("checking a key of the machine: %w", err)
		}
		mode := info.Mode().Perm()
		if mode&0o077 == 0 {
			continue
		}
		if err := os.Chmod(path, mode&^0o077); err != nil {
			return fmt.Errorf("protecting a key of the machine: %w", err)
		}
		a.Log.Warn("took access away from other users", "path", path, "mode", mode)
	}
	return nil
}
