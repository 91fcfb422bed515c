// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"maps"
	"slices"
)

// side says whether an expression in a field means the guest's or the host's user, home and so on.
type side int

const (
	guestSide side = iota
	hostSide
	// messageSide is the host's with values that only a message has.
	messageSide
)

// field is one text that may hold expressions.
type field struct {
	path string
	side side
	get  func() string
	set  func(string)
}

func textField(path string, side side, text *string) field {
	return field{path: path, side: side, get: func() string { return *text }, set: func(s string) { *text = s }}
}

// expandable lists the fields of t that may hold Go template expressions, in the order of the
// template.
func (t *Template) expandable() []field {
	var all []field
	for i := range t.Mounts {
		m, at := &t.Mounts[i], fmt.Sprintf("mounts[%d]", i)
		all = append(all, textField(at+".location", hostSide, &m.Location), textField(at+".mountPoint", guestSide, &m.MountPoint))
	}
	all = append(all, mapFields("env", t.Env)...)
	for i := range t.Provision {
		p, at := &t.Provision[i], fmt.Sprintf("provision[%d]", i)
		all = append(all,
			textField(at+".script", guestSide, &p.Script), textField(at+".path", guestSide, &p.Path),
			textField(at+".content", guestSide, &p.Content),
			textField(at+".expression", guestSide, &p.Expression), textField(at+".owner", guestSide, &p.Owner))
	}
	for i := range t.Probes {
		all = append(all, textField(fmt.Sprintf("probes[%d].script", i), guestSide, &t.Probes[i].Script))
	}
	for i := range t.PortForwards {
		f, at := &t.PortForwards[i], fmt.Sprintf("portForwards[%d]", i)
		all = append(all, textField(at+".guestSocket", guestSide, &f.GuestSocket), textField(at+".hostSocket", hostSide, &f.HostSocket))
	}
	for i := range t.CopyToHost {
		c, at := &t.CopyToHost[i], fmt.Sprintf("copyToHost[%d]", i)
		all = append(all, textField(at+".guest", guestSide, &c.Guest), textField(at+".host", hostSide, &c.Host))
	}
	all = append(all, mapFields("hostResolver.hosts", t.HostResolver.Hosts)...)
	return append(all, textField("message", messageSide, &t.Message))
}

// mapFields returns the values of a map as fields of the guest's side.
func mapFields(path string, m map[string]string) []field {
	var all []field
	for _, key := range slices.Sorted(maps.Keys(m)) {
		all = append(all, field{
			path: path + "." + key, side: guestSide,
			get: func() string { return m[key] }, set: func(s string) { m[key] = s },
		})
	}
	return all
}

// clone copies everything that Expand writes to.
func (t *Template) clone() *Template {
	c := *t
	c.Images = slices.Clone(t.Images)
	for i := range c.Images {
		c.Images[i].Kernel, c.Images[i].Initrd = cloneOf(c.Images[i].Kernel), cloneOf(c.Images[i].Initrd)
	}
	c.Mounts = slices.Clone(t.Mounts)
	c.Env, c.Param = maps.Clone(t.Env), maps.Clone(t.Param)
	c.Provision = slices.Clone(t.Provision)
	c.Probes = slices.Clone(t.Probes)
	c.PortForwards = slices.Clone(t.PortForwards)
	c.CopyToHost = slices.Clone(t.CopyToHost)
	c.HostResolver.Hosts = maps.Clone(t.HostResolver.Hosts)
	return &c
}

// cloneOf copies what a pointer points to.
func cloneOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}
