// SPDX-License-Identifier: Apache-2.0

// Package template reads the Lima templates that describe virtual machines.
//
// Reading is strict. A field that rdd does not honour is refused with its path and
// place, never ignored, so that a template either means what it says or is turned
// down before anything is made from it. Load parses, merges the parameters, fills
// the defaults and validates; Expand puts in what is known only when the machine is made.
//
// Differences to Lima that do not change a machine: a null value means an absent
// one, `containerd` may only be switched off, and YAML anchors are not read.
package template

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Load parses data, merges params over the template's `param`, fills defaults for host and validates the result.
//
// The error says whether parsing or validating failed and where; it wraps a
// *ParseError or a *vm.InvalidSpecError.
func Load(data []byte, params map[string]string, host Host) (*Template, error) {
	document, err := Parse(data, "")
	if err != nil {
		return nil, err
	}
	return document.Load(params, host)
}

func (t *Template) complete(params map[string]string, host Host) error {
	declared := maps.Clone(t.Param)
	t.merge(params)
	t.fill(host)
	if err := t.validate(host); err != nil {
		return err
	}
	if err := t.checkParams(params, declared); err != nil {
		return err
	}
	_, err := t.Expand(sampleValues())
	return err
}

func (t *Template) merge(params map[string]string) {
	if t.Param == nil && len(params) > 0 {
		t.Param = map[string]string{}
	}
	maps.Copy(t.Param, params)
}

// YAML writes the template as Load reads it.
func (t *Template) YAML() ([]byte, error) {
	data, err := yaml.Dump(t)
	if err != nil {
		return nil, fmt.Errorf("writing the template: %w", err)
	}
	return data, nil
}

// Revision identifies a template's text and parameters: the same input has the same revision, whatever the order of the map.
func Revision(data []byte, params map[string]string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%d:%s", len(data), data)
	for _, key := range slices.Sorted(maps.Keys(params)) {
		fmt.Fprintf(sum, "%d:%s%d:%s", len(key), key, len(params[key]), params[key])
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}
