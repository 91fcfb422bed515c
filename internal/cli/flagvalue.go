// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"
)

// wantedValues says what the flags of a type take. Types that are not here have errors of their
// own.
var wantedValues = map[string]string{
	"int":      "a whole number",
	"uint16":   "a whole number from 0 to 65535",
	"duration": "a duration with a unit, such as 90s or 10m",
	"bool":     "true or false",
}

// withWantedValue makes err, a value that a flag cannot have, say what it takes. Other errors stay.
func withWantedValue(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	flag := invalid.GetFlag()
	if _, choice := flag.Value.(*versionFlag); choice { // which calls itself a bool
		return err
	}
	wanted, known := wantedValues[flag.Value.Type()]
	if !known {
		return err
	}
	return fmt.Errorf("invalid argument %q for --%s: it takes %s", invalid.GetValue(), flag.Name, wanted)
}
