// SPDX-License-Identifier: Apache-2.0

// Package instance holds the paths, port and names of one rdd instance as a
// value. Together with internal/cli it is the only place that reads the environment.
package instance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
)

// DefaultName is the instance used when neither --instance nor RDD_INSTANCE names one.
const DefaultName = "2"

// basePort plus the instance's index is the API server's default port.
const basePort = 6443

var namePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?$`)

// Instance is one rdd instance: independent directories, ports, API server and VMs.
type Instance struct {
	// Name as the user gave it.
	Name string
	// Dir is the service directory: configuration, store, certificates.
	Dir string
	// LogDir holds the daemon's logs.
	LogDir string
	// ShortDir holds sockets and VMs; short because a Unix socket's path must fit in 104 bytes.
	ShortDir string
	// CacheDir holds guest images; shared by all instances.
	CacheDir string
}

// Resolve makes the Instance named name ("": RDD_INSTANCE, else DefaultName) for the current user.
// It creates nothing.
func Resolve(name string) (Instance, error) {
	if name == "" {
		name = os.Getenv("RDD_INSTANCE")
	}
	if name == "" {
		name = DefaultName
	}
	if !namePattern.MatchString(name) {
		return Instance{}, fmt.Errorf("instance name %q is not valid: use 1 to 20 lower-case letters, digits and dashes", name)
	}
	home, dirs, err := userDirs()
	if err != nil {
		return Instance{}, err
	}
	return Instance{
		Name:     name,
		Dir:      filepath.Join(dirs.data, dirPrefix+name),
		LogDir:   filepath.Join(dirs.logs, dirPrefix+name),
		ShortDir: filepath.Join(home, ".rd"+name),
		CacheDir: filepath.Join(dirs.cache, "rancher-desktop"),
	}, nil
}

type baseDirs struct{ data, logs, cache string }

func platformDirs(home string) (baseDirs, error) {
	switch runtime.GOOS {
	case "darwin":
		return baseDirs{
			data:  filepath.Join(home, "Library", "Application Support"),
			logs:  filepath.Join(home, "Library", "Logs"),
			cache: filepath.Join(home, "Library", "Caches"),
		}, nil
	case "windows":
		local := os.Getenv("LOCALAPPDATA")
		if local == "" {
			return baseDirs{}, errors.New("LOCALAPPDATA is not set")
		}
		return baseDirs{data: local, logs: filepath.Join(local, "logs"), cache: filepath.Join(local, "cache")}, nil
	default:
		return baseDirs{
			data:  xdg("XDG_DATA_HOME", home, ".local/share"),
			logs:  xdg("XDG_STATE_HOME", home, ".local/state"),
			cache: xdg("XDG_CACHE_HOME", home, ".cache"),
		}, nil
	}
}

// xdg returns an XDG base directory; relative values are ignored, as the
// XDG Base Directory Specification 0.8 says.
func xdg(variable, home, fallback string) string {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(home, filepath.FromSlash(fallback))
}

// Port is the default port of the API server: 6443 + the instance's index, which
// is its number when that is 1–99, else 100 + (sum of its characters' codes mod 100).
func (i Instance) Port() int {
	if n, err := strconv.Atoi(i.Name); err == nil && n >= 1 && n <= 99 {
		return basePort + n
	}
	sum := 0
	for _, c := range i.Name {
		sum += int(c)
	}
	return basePort + 100 + sum%100
}

// ConfigFile is the kubeconfig.
func (i Instance) ConfigFile() string { return filepath.Join(i.Dir, "kubeconfig") }

// ArgsFile holds the saved arguments of `service create`; its presence says that the instance
// exists.
func (i Instance) ArgsFile() string { return filepath.Join(i.Dir, "args.json") }

// PIDFile holds the daemon's process id: a hint, never proof.
func (i Instance) PIDFile() string { return filepath.Join(i.Dir, "rdd.pid") }

// LockFile is locked by the running daemon: its identity.
func (i Instance) LockFile() string { return filepath.Join(i.Dir, "rdd.lock") }

// TLSDir holds certificates, keys and the token.
func (i Instance) TLSDir() string { return filepath.Join(i.Dir, "tls") }

// StoreFile is the SQLite file.
func (i Instance) StoreFile() string { return filepath.Join(i.Dir, "store.db") }

// LimaHome is the directory of the VM instances.
func (i Instance) LimaHome() string { return filepath.Join(i.ShortDir, "lima") }

// BinDir holds links to tools.
func (i Instance) BinDir() string { return filepath.Join(i.ShortDir, "bin") }

// DockerSocket is the Docker socket of the App's VM on the host.
func (i Instance) DockerSocket() string { return filepath.Join(i.ShortDir, "docker.sock") }

// DockerContext is the name of the docker context that leads to DockerSocket.
func (i Instance) DockerContext() string { return dirPrefix + i.Name }

// IntegrationFile says what was changed on the host outside rdd's own directories.
func (i Instance) IntegrationFile() string { return filepath.Join(i.Dir, "integration.json") }

// IntegrationLock is locked while the host is changed outside rdd's own directories; shared by all
// instances.
func (i Instance) IntegrationLock() string { return filepath.Join(i.CacheDir, "integration.lock") }

// ImageDir is the guest image cache, shared by all instances.
func (i Instance) ImageDir() string { return filepath.Join(i.CacheDir, "images") }

// Paths are the keys and values that `rdd service paths` prints.
func (i Instance) Paths() map[string]string {
	return map[string]string{
		"args_file": i.ArgsFile(),
		"config":    i.ConfigFile(),
		"dir":       i.Dir,
		"lima_home": i.LimaHome(),
		"log_dir":   i.LogDir,
		"pid_file":  i.PIDFile(),
		"short_dir": i.ShortDir,
		"tls_dir":   i.TLSDir(),
	}
}

// MakeDirs creates the instance's directories with mode 0700.
func (i Instance) MakeDirs() error {
	for _, dir := range []string{i.Dir, i.LogDir, i.ShortDir, i.LimaHome(), i.BinDir(), i.TLSDir(), i.ImageDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("creating an instance directory: %w", err)
		}
	}
	return nil
}
