// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// Template returns the template with which the machine was started, its expressions
// evaluated. *vm.InvalidSpecError.
func Template(dir vmdir.Dir, record vmdir.Record, start vmdir.Start) (*template.Template, error) {
	host, err := template.LocalHost()
	if err != nil {
		return nil, err
	}
	t, err := template.Load([]byte(start.Template), start.Params, host)
	if err != nil {
		return nil, err
	}
	if t, err = Expand(t, dir, start.Host, record.Machine.User); err != nil {
		return nil, err
	}
	t.AddProxies(start.Proxies)
	return t, nil
}

// Expand evaluates the expressions of a template for an instance, the host's user and the guest's.
func Expand(t *template.Template, dir vmdir.Dir, host, guest vmdir.User) (*template.Template, error) {
	user := func(u vmdir.User) template.User { return template.User{Name: u.Name, Home: u.Home, UID: u.UID} }
	return t.Expand(template.Values{Name: dir.Name(), Dir: string(dir), Host: user(host), Guest: user(guest)})
}
