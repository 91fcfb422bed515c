// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
)

// cached is the content of the cache file.
type cached struct {
	Key         string      `json:"key"`
	Accelerator Accelerator `json:"accelerator"`
	// Weak says that no kernel was booted to find it out.
	Weak   bool      `json:"weak,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// key changes with everything that decides whether KVM works.
func (c Chooser) key(ctx context.Context) (string, error) {
	version, err := c.Program.Version(ctx)
	if err != nil {
		return "", err
	}
	kernel, err := os.ReadFile("/proc/version")
	if err != nil {
		return "", fmt.Errorf("reading the host's kernel version: %w", err)
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%s\n%s\n", version, kernel, cpuModel())
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// cpuModel is the host's CPU model as the kernel names it.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range bytes.Lines(info) {
		if name, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func (c Chooser) file() string { return filepath.Join(c.CacheDir, "accelerator.json") }

// load returns the cached result; one that cannot be read counts as none.
func (c Chooser) load(key string) (cached, bool) {
	known, err := c.read()
	return known, err == nil && known.Key == key && known.Accelerator.Name != ""
}

func (c Chooser) read() (cached, error) {
	var known cached
	data, err := regular.ReadFile(c.file())
	if err != nil {
		return cached{}, err
	}
	return known, json.Unmarshal(data, &known)
}

func (c Chooser) store(result cached) error {
	data, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("keeping the choice of accelerator: %w", err)
	}
	if err := os.MkdirAll(c.CacheDir, 0o700); err != nil {
		return fmt.Errorf("keeping the choice of accelerator: %w", err)
	}
	return atomicfile.Write(c.file(), append(data, '\n'), 0o600)
}
