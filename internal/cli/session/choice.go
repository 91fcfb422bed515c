// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"slices"
	"strings"
)

// Choice is the value of a flag that takes one of the Valid values. Value begins as the default.
type Choice struct {
	Value string
	Valid []string
}

// String implements pflag.Value.
func (c *Choice) String() string { return c.Value }

// Type implements pflag.Value.
func (c *Choice) Type() string { return strings.Join(c.Valid, "|") }

// Set implements pflag.Value.
func (c *Choice) Set(s string) error {
	if !slices.Contains(c.Valid, s) {
		return ValidValues(c.Valid)
	}
	c.Value = s
	return nil
}

// ValidValues is the error that lists the values that may be given.
func ValidValues(values []string) error {
	return errors.New("valid values: " + strings.Join(values, ", "))
}
