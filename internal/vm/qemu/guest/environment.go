// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/sshx"
)

var (
	// startsPrograms are variables by which the dynamic loader and bash change every program they
	// start. Commands of rdd start in the guest user's sessions, too, so these variables are not for
	// all sessions, but for scripts, login shells and units.
	startsPrograms = regexp.MustCompile(`^(LD_.*|BASH.*|SHELLOPTS|GCONV_PATH|GLIBC_TUNABLES|LOCPATH)$`)
	// shellOwn are variables that bash has itself and lets nobody set.
	shellOwn = regexp.MustCompile(`^(UID|EUID|PPID|SHELLOPTS|BASHOPTS|BASH_VERSINFO|_)$`)
	// plainValue needs no quotes in any syntax: its first and last characters are no blanks or quotes.
	plainValue = regexp.MustCompile(`^[^\s"'\\#$` + "`" + `]([^"\\#$` + "`" + `]*[^\s"'\\#$` + "`" + `])?$|^$`)
)

// environment renders lines of /etc/environment, which pam_env(8) reads for each login and units of
// systemd with EnvironmentFile. Both remove a pair of quotes around a value. pam_env takes what is
// in between as it is; systemd reads backslashes in double quotes, and ends single ones at the
// next.
//
// pam_env cuts values off at a #, so those are left out: a cut value is worse than none.
func environment(env map[string]string) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		if startsPrograms.MatchString(name) || strings.Contains(value, "#") {
			continue
		}
		switch {
		case plainValue.MatchString(value):
		case strings.ContainsAny(value, "\"\\$`") && !strings.Contains(value, "'"):
			value = "'" + value + "'"
		default:
			value = `"` + value + `"`
		}
		lines = append(lines, name+"="+value)
	}
	return strings.Join(lines, "\n")
}

// sshEnvironment renders a line of sshd_config(5) for the values that pam_env would cut off at a #;
// empty when there are none.
func sshEnvironment(env map[string]string) string {
	line := ""
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.Contains(env[name], "#") && !startsPrograms.MatchString(name) {
			line += fmt.Sprintf(` %s="%s"`, name, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(env[name]))
		}
	}
	if line == "" {
		return ""
	}
	return "SetEnv" + line
}

// profile renders a script of /etc/profile.d. Login shells need it: /etc/profile sets PATH again,
// and for sudo -i and su nobody reads sshd's configuration.
func profile(env map[string]string) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !shellOwn.MatchString(name) {
			lines = append(lines, "export "+name+"="+sshx.Quote(env[name]))
		}
	}
	return strings.Join(lines, "\n")
}

// unitEnvironment renders lines of environment.d(5) for the units of the guest's user. systemd
// would otherwise take them from /etc/environment, where it replaces what looks like a variable.
func unitEnvironment(env map[string]string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", "$$")
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := escape.Replace(env[name])
		if value == "" {
			value = "${rdd_empty:-}" // systemd refuses what is written as empty
		}
		lines = append(lines, name+`="`+value+`"`)
	}
	return strings.Join(lines, "\n")
}
