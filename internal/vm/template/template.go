// SPDX-License-Identifier: Apache-2.0

// Package template reads the Lima templates that describe virtual machines.
//
// Reading is strict. A field that rdd does not honour is refused with its path and position, never
// ignored. So a template either means what it says or is refused before anything is made from it.
//
// The steps of reading: Parse makes a Document of a text. Document.Resolve merges what its `base`
// names; the client does that, as it can read files. Document.Load decodes, merges the parameters,
// sets the defaults and validates. Template.Expand evaluates the expressions with what is known
// only when the machine is made. Load does all of it but Resolve and Expand: a base that would have
// to be read is refused.
//
// Honoured are vmType, arch, images, cpus, memory, disk, mounts, env, param, provision, probes,
// portForwards, hostResolver.hosts, ssh.localPort, ssh.forwardAgent, copyToHost, user, timezone,
// dns, plain, firmware.legacyBIOS, cpuType, propagateProxyEnv, caCerts, containerd.system, video,
// additionalDisks, mountType, mountTypesUnsupported and message, with the meaning they have in Lima
// 2. Accepted in the values that say what rdd does anyway, and refused in all others:
// minimumLimaVersion, os, mountInotify, audio, firmware.images, rosetta, nestedVirtualization,
// upgradePackages, guestInstallPrefix, networks, containerd.{user,archives}, tpm, osOpts,
// images[].variant, mounts[].{sshfs,9p,virtiofs}, hostResolver.{enabled,ipv6}, and of ssh address,
// loadDotSSHPubKeys, forwardX11, forwardX11Trusted and overVsock.
//
// Null means absent, as in Lima. Differences to Lima: YAML's anchors, aliases and merge
// keys are not read; an unknown name in an expression is an error and not a warning;
// env and hostResolver.hosts may have expressions too. docs/templates.md tells users all of it.
package template

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Load parses data, merges params over the template's `param`, sets defaults for host and validates
// the result. Expressions are tried with sample values, and stay as they are.
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

// complete makes a valid template of a decoded one.
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

// merge sets parameters, over those that the template declares.
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

// Revision identifies a template's text and parameters: the same input has the same revision,
// whatever the order of the map.
func Revision(data []byte, params map[string]string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%d:%s", len(data), data)
	for _, key := range slices.Sorted(maps.Keys(params)) {
		fmt.Fprintf(sum, "%d:%s%d:%s", len(key), key, len(params[key]), params[key])
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}
