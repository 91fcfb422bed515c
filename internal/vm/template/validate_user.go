// SPDX-License-Identifier: Apache-2.0

package template

import (
	"path"
	"regexp"
	"strings"
)

// UserPattern is a user's name that useradd accepts everywhere.
var UserPattern = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,30}$`)

// maxUID is the last uid that useradd takes; nobody has 65534, and the next is -1 in 16 bits.
const (
	maxUID    = 1<<32 - 3
	nobodyUID = 65534
)

// validate checks the fields that are given.
func (u GuestUser) validate() error {
	if u.Name != "" && (u.Name == "root" || !UserPattern.MatchString(u.Name)) {
		return invalid("user.name", "must be a name of lower-case letters, digits, `_` and `-`, and not root; got `%s`", shorten(u.Name))
	}
	if u.UID < 0 || u.UID > maxUID || u.UID == nobodyUID || u.UID == nobodyUID+1 {
		return invalid("user.uid", "must be the uid of an ordinary user, such as 1000; got %d", u.UID)
	}
	if strings.Contains(u.Comment, ":") {
		return invalid("user.comment", "must not hold a colon, which ends it in /etc/passwd")
	}
	for field, text := range map[string]string{"user.comment": u.Comment, "user.home": u.Home, "user.shell": u.Shell} {
		if err := validateLine(field, text); err != nil {
			return err
		}
	}
	if u.Shell != "" && (!path.IsAbs(u.Shell) || strings.Contains(u.Shell, ":")) {
		return invalid("user.shell", "must be the absolute path of a program; got `%s`", u.Shell)
	}
	return u.validateHome()
}

func (u GuestUser) validateHome() error {
	if u.Home == "" {
		return nil
	}
	home := u.HomeOf("user")
	if strings.Contains(home, "{{") || strings.Contains(home, ":") {
		return invalid("user.home", "may have the expression {{.User}} and no other, and no colon; got `%s`", u.Home)
	}
	if !path.IsAbs(home) || path.Clean(home) != home || !CanMount(home) {
		return invalid("user.home", "must be an absolute path, and no system directory of the guest; got `%s`", u.Home)
	}
	return nil
}

// HomeOf is the home of a user of that name; empty when the template names none.
func (u GuestUser) HomeOf(name string) string {
	return strings.NewReplacer("{{.User}}", name, "{{ .User }}", name).Replace(u.Home)
}
