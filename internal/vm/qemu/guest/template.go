// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// Template returns the template that a start of the machine was made with, its expressions replaced.
func Template(dir vmdir.Dir, record vmdir.Record, start vmdir.Start) (*template.Template, error) {
	host, err := template.LocalHost()
	if err != nil {
		return nil, err
	}
	t, err := template.Load([]byte(start.Template), start.Params, host)
	if err != nil {
		return nil, err
	}
	user := func(u vmdir.User) template.User { return template.User{Name: u.Name, Home: u.Home, UID: u.UID} }
	return t.Expand(template.Values{
		Name: dir.Name(), Dir: string(dir), Host: user(start.Host), Guest: user(record.Machine.User),
	})
}
