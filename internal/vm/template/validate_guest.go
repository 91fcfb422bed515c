// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
)

// LimaHost is the name by which a guest reaches the host.
const LimaHost = "host.lima.internal"

var (
	// hostPattern is a DNS name of letters, digits, hyphens and underscores.
	hostPattern        = regexp.MustCompile(`^[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?)*$`)
	permissionsPattern = regexp.MustCompile(`^[0-7]{3,4}$`)
	ownerPattern       = regexp.MustCompile(`^[A-Za-z0-9_][-A-Za-z0-9_.]*(:[A-Za-z0-9_][-A-Za-z0-9_.]*)?$`)
)

func (t *Template) validateProvision() error {
	for i, p := range t.Provision {
		if err := p.validate(fmt.Sprintf("provision[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func (p Provision) validate(at string) error {
	if err := oneOf(at+".mode", p.Mode, ModeSystem, ModeUser, ModeBoot, ModeData, ModeDependency, ModeYQ); err != nil {
		return err
	}
	switch p.Mode {
	case ModeData:
		return p.validateData(at)
	case ModeYQ:
		return p.validateYQ(at)
	}
	for _, field := range []struct {
		name  string
		given bool
	}{
		{"path", p.Path != ""},
		{"content", p.Content != ""},
		{"owner", p.Owner != ""},
		{"permissions", p.Permissions != ""},
		{"overwrite", p.Overwrite != nil},
	} {
		if field.given {
			return invalid(at+"."+field.name, "belongs to mode `%s`; the mode here is `%s`", ModeData, p.Mode)
		}
	}
	if err := p.validateNoYQ(at); err != nil {
		return err
	}
	return validateScript(at+".script", p.Script)
}

func (p Provision) validateData(at string) error {
	if p.Script != "" {
		return invalid(at+".script", "must not be given with mode `%s`, which writes `content` to `path`", ModeData)
	}
	if p.Path == "" {
		return invalid(at+".path", "must be given with mode `%s`: the file to write", ModeData)
	}
	if err := p.validateNoYQ(at); err != nil {
		return err
	}
	if !permissionsPattern.MatchString(p.Permissions) {
		return invalid(at+".permissions", "must be 3 or 4 octal digits such as \"644\"; got `%s`", p.Permissions)
	}
	return nil
}

func (t *Template) validateProbes() error {
	for i, p := range t.Probes {
		at := fmt.Sprintf("probes[%d]", i)
		if err := oneOf(at+".mode", p.Mode, ProbeReadiness); err != nil {
			return err
		}
		if err := validateScript(at+".script", p.Script); err != nil {
			return err
		}
	}
	return nil
}

func validateScript(field, script string) error {
	if strings.TrimSpace(script) == "" {
		return invalid(field, "must not be empty")
	}
	return validateNoNUL(field, script)
}

func validateNoNUL(field, text string) error {
	if strings.ContainsRune(text, 0) {
		return invalid(field, "must not hold NUL characters")
	}
	return nil
}

// timezonePattern is a name of the tz database.
var timezonePattern = regexp.MustCompile(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$`)

func (t *Template) validateTimezone() error {
	if t.Timezone == "" || timezonePattern.MatchString(t.Timezone) {
		return nil
	}
	return invalid("timezone", "must be a name such as Europe/Berlin; got `%s`", shorten(t.Timezone))
}

// validateDNS accepts as many name servers as resolv.conf(5) has.
func (t *Template) validateDNS() error {
	const most = 3
	if len(t.DNS) > most {
		return invalid("dns", "must be at most %d name servers; got %d", most, len(t.DNS))
	}
	for i, server := range t.DNS {
		field := fmt.Sprintf("dns[%d]", i)
		if err := validateIP(field, server); err != nil {
			return err
		}
		if ip := address(server); !ip.Is4() || ip.IsUnspecified() {
			return invalid(field, "must be an IPv4 address: the guest's network has no other; got `%s`", server)
		}
	}
	return nil
}

// validateHosts checks the names of hostResolver.hosts. Their values are checked after Expand.
func (t *Template) validateHosts() error {
	return validateNames("hostResolver.hosts", t.HostResolver.Hosts, hostPattern, "letters, digits and hyphens, with dots between the parts")
}

// validateExpanded checks what expressions may have changed.
func (t *Template) validateExpanded(values Values) error {
	for _, name := range slices.Sorted(maps.Keys(t.Env)) {
		if err := validateLine("env."+name, t.Env[name]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.HostResolver.Hosts)) {
		if err := validateHost("hostResolver.hosts."+name, t.HostResolver.Hosts[name]); err != nil {
			return err
		}
	}
	for i, p := range t.Provision {
		if err := p.validateExpanded(fmt.Sprintf("provision[%d]", i)); err != nil {
			return err
		}
	}
	for i, f := range t.PortForwards {
		if err := f.validateSockets(fmt.Sprintf("portForwards[%d]", i)); err != nil {
			return err
		}
	}
	for i, c := range t.CopyToHost {
		if err := c.validateExpanded(fmt.Sprintf("copyToHost[%d]", i), values.Dir); err != nil {
			return err
		}
	}
	return t.validateMounts(values)
}

// validateExpanded keeps the files of the instance directory dir from being overwritten.
func (c CopyToHost) validateExpanded(at, dir string) error {
	if err := validateAbsolute(at+".guest", c.Guest); err != nil {
		return err
	}
	if err := validateAbsolute(at+".host", c.Host); err != nil {
		return err
	}
	for field, p := range map[string]string{at + ".guest": c.Guest, at + ".host": c.Host} {
		if strings.HasSuffix(p, "/") {
			return invalid(field, "must be a file's path, not a directory's; got `%s`", p)
		}
	}
	if path.Dir(path.Clean(c.Host)) == path.Clean(dir) {
		return invalid(at+".host", "must not be in the instance directory itself, but in a directory there such as `{{.Dir}}/copied-from-guest`")
	}
	return nil
}

func validateHost(field, target string) error {
	if ip, err := netip.ParseAddr(target); err == nil && ip.Zone() == "" || hostPattern.MatchString(target) {
		return nil
	}
	return invalid(field, "must be an IP address or a name such as `%s`; got `%s`", LimaHost, target)
}

func (p Provision) validateExpanded(at string) error {
	if p.Mode != ModeData && p.Mode != ModeYQ {
		return validateScript(at+".script", p.Script)
	}
	if err := validateAbsolute(at+".path", p.Path); err != nil {
		return err
	}
	if strings.HasSuffix(p.Path, "/") {
		return invalid(at+".path", "must be a file's path, not a directory's; got `%s`", p.Path)
	}
	if !ownerPattern.MatchString(p.Owner) {
		return invalid(at+".owner", "must be a user, or a user and a group such as `root:root`; got `%s`", p.Owner)
	}
	if p.Mode == ModeYQ {
		return p.validateExpression(at)
	}
	return validateNoNUL(at+".content", p.Content)
}

func validateAbsolute(field, p string) error {
	if !path.IsAbs(p) {
		return invalid(field, "must be an absolute path; got `%s`", p)
	}
	return validateLine(field, p)
}
