// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/regular"
)

// AllControllers selects all controllers.
const AllControllers = "*"

// Arguments are the arguments of a daemon. Those of `rdd service create` are saved for the daemons
// of the instance.
type Arguments struct {
	// Controllers are the controllers to run: names or API groups, "*" for all, "-name" to leave one
	// or those of a group out.
	Controllers []string `json:"controllers"`
	// SecurePort is the API's port; 0 means the instance's default.
	SecurePort int `json:"securePort,omitempty"`
	// Verbosity is klog's verbosity in the daemon.
	Verbosity int `json:"verbosity,omitempty"`
	// LogFormat is the format of the daemon's log: one of logging.Formats; empty means text.
	LogFormat string `json:"logFormat,omitempty"`
	// StoreMade says whether the instance has ever had a store. It is nil where an older rdd, or
	// nobody, has noted that.
	StoreMade *bool `json:"storeMade,omitempty"`
}

// DefaultArguments returns the arguments that run all controllers, and the API on the default port.
func DefaultArguments() Arguments { return Arguments{Controllers: []string{AllControllers}} }

// Equal reports whether both have the same port, and the same controllers in the same order.
func (a Arguments) Equal(b Arguments) bool {
	return a.SecurePort == b.SecurePort && slices.Equal(a.Controllers, b.Controllers)
}

// Save writes the arguments. The instance exists from then on.
func (a Arguments) Save(inst instance.Instance) error {
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(inst.ArgsFile(), append(data, '\n'), 0o600)
}

// NoteStore saves in the arguments of an instance whether it has had a store; one that was not
// created is left alone.
func NoteStore(inst instance.Instance, made bool) error {
	a, exists, err := LoadArguments(inst)
	if err != nil || !exists || a.StoreMade != nil && *a.StoreMade == made {
		return err
	}
	a.StoreMade = &made
	return a.Save(inst)
}

// LoadArguments reads the arguments of an instance. exists is false when the instance was not
// created yet; the arguments are the default ones then.
func LoadArguments(inst instance.Instance) (a Arguments, exists bool, err error) {
	data, err := regular.ReadFile(inst.ArgsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return DefaultArguments(), false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("reading the instance's arguments: %w", err)
	}
	a = DefaultArguments()
	if err := json.Unmarshal(data, &a); err != nil {
		return a, false, fmt.Errorf("reading the instance's arguments %s, which \"{}\" as its content would set back: %w",
			inst.ArgsFile(), err)
	}
	return a, true, nil
}

// Exists reports whether the instance was created.
func Exists(inst instance.Instance) (bool, error) {
	_, err := os.Stat(inst.ArgsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
