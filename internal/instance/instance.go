// SPDX-License-Identifier: Apache-2.0

// Package instance has the paths, port and names of one rdd instance as a value. An Instance is
// resolved once and passed on, so several instances can be used in one process. Together with
// internal/cli it is the only place that reads the environment.
//
// It makes an instance's directories, too, so that no guest ever sees what is in them. On Linux the
// paths of an instance are symbolic links into directories that all instances share, the hidden
// parents (~/.rd.d and rancher-desktop.d). Guests are kept from seeing these as a whole, with
// whatever is made in them later. MakeDirs writes nothing where a running guest would see it.
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

// DefaultName is the name of the instance when neither --instance nor RDD_INSTANCE names one.
const DefaultName = "2"

// basePort plus the instance's index is the API server's default port: see Port.
const basePort = 6443

var namePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?$`)

// Instance is one rdd instance, with directories, a port, an API server and VMs of its own.
type Instance struct {
	// Name is the name that the user has given.
	Name string
	// Dir is the service directory, with configuration, store and certificates. Like LogDir and
	// ShortDir it may be a symbolic link: see MakeDirs.
	Dir string
	// LogDir has the daemon's logs.
	LogDir string
	// ShortDir has sockets and VMs. Its path is short, because a Unix socket's path must fit in 104
	// bytes.
	ShortDir string
	// CacheDir has guest images. All instances share it.
	CacheDir string
	// AsRoot has MakeDirs make directories in the home of another user: see CheckOwners.
	AsRoot bool
}

// Flags are the flags by which another process of this program gets the same instance.
func (i Instance) Flags() []string {
	flags := []string{"--instance", i.Name}
	if i.AsRoot {
		flags = append(flags, "--as-root")
	}
	return flags
}

// Resolve returns the current user's instance of that name. An empty name means that of
// RDD_INSTANCE, else DefaultName. A new instance's ShortDir is made where RDD_SHORT_DIR says; an
// existing one has it where it was made. It fails for an invalid name, and creates no files.
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
	inst := Instance{
		Name:     name,
		Dir:      filepath.Join(dirs.data, dirPrefix+name),
		LogDir:   filepath.Join(dirs.logs, dirPrefix+name),
		CacheDir: filepath.Join(dirs.cache, "rancher-desktop"),
	}
	inst.ShortDir = inst.resolveShort(home)
	return inst, nil
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

// xdg returns an XDG base directory. It ignores relative values, as version 0.8 of the XDG Base
// Directory Specification requires.
func xdg(variable, home, fallback string) string {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(home, filepath.FromSlash(fallback))
}

// Port returns the default port of the API server: 6443 plus the instance's index. The index is the
// name, if that is a number from 1 to 99. Otherwise it is 100 plus the sum of the name's character
// codes modulo 100. Two instances may have the same default port; the daemon takes a free one then.
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

// ConfigFile returns the path of the kubeconfig.
func (i Instance) ConfigFile() string { return filepath.Join(i.Dir, "kubeconfig") }

// ArgsFile returns the path of the saved arguments of `rdd service create`. The instance exists if
// the file does.
func (i Instance) ArgsFile() string { return filepath.Join(i.Dir, "args.json") }

// PIDFile returns the path of the daemon's PID file. It is for people: the lock decides whether a
// daemon runs.
func (i Instance) PIDFile() string { return filepath.Join(i.Dir, "rdd.pid") }

// LockFile returns the path of the daemon's lock. Whoever holds the lock is the instance's daemon.
func (i Instance) LockFile() string { return filepath.Join(i.Dir, "rdd.lock") }

// TLSDir returns the directory of certificates, keys and the token.
func (i Instance) TLSDir() string { return filepath.Join(i.Dir, "tls") }

// StoreFile returns the path of the store's SQLite database.
func (i Instance) StoreFile() string { return filepath.Join(i.Dir, "store.db") }

// LimaHome returns the directory of the instance directories of VMs.
func (i Instance) LimaHome() string { return filepath.Join(i.ShortDir, "lima") }

// BinDir returns the directory of links to tools.
func (i Instance) BinDir() string { return filepath.Join(i.ShortDir, "bin") }

// DockerSocket returns the path on the host of the Docker socket of the App's VM.
func (i Instance) DockerSocket() string { return filepath.Join(i.ShortDir, "docker.sock") }

// ControlPlane returns the name of the instance's control plane: that of its service directory.
func (i Instance) ControlPlane() string { return dirPrefix + i.Name }

// DockerContext returns the name of the docker context for DockerSocket.
func (i Instance) DockerContext() string { return dirPrefix + i.Name }

// IntegrationFile returns the path of the record of host settings: what was changed outside rdd's
// own directories.
func (i Instance) IntegrationFile() string { return filepath.Join(i.Dir, "integration.json") }

// IntegrationLock returns the path of the lock that is held while host settings are changed. All
// instances share it.
func (i Instance) IntegrationLock() string { return filepath.Join(i.CacheDir, "integration.lock") }

// KubernetesConfig returns the path on the host of the kubeconfig of the Kubernetes in the App's
// VM.
func (i Instance) KubernetesConfig() string { return filepath.Join(i.Dir, "k3s.yaml") }

// ImageDir returns the directory of the guest image cache. All instances share it.
func (i Instance) ImageDir() string { return filepath.Join(i.CacheDir, "images") }

// Paths returns the keys and values that `rdd service paths` prints.
func (i Instance) Paths() map[string]string {
	return map[string]string{
		"args_file":     i.ArgsFile(),
		"config":        i.ConfigFile(),
		"dir":           i.Dir,
		"docker_socket": i.DockerSocket(),
		"k3s_config":    i.KubernetesConfig(),
		"lima_home":     i.LimaHome(),
		"log_dir":       i.LogDir,
		"pid_file":      i.PIDFile(),
		"short_dir":     i.ShortDir,
		"tls_dir":       i.TLSDir(),
	}
}
