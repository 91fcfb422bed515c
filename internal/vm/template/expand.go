// SPDX-License-Identifier: Apache-2.0

package template

import (
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
)

// User is an account, on the host or in the guest.
type User struct {
	Name string
	// Home is an absolute path.
	Home string
	UID  int
}

// Values are what expressions refer to, and is known only when a machine is made.
type Values struct {
	// Name of the instance, which is the guest's hostname too.
	Name string
	// Dir is the instance directory on the host.
	Dir string
	// Host is .User, .Home and .UID in mounts[].location, hostSocket and message; Guest in everything
	// else.
	Host, Guest User
}

// socketDir below the instance directory holds a hostSocket whose path is relative, as with Lima.
const socketDir = "sock"

// maxExpanded bounds the length of all fields with expressions together after Expand, in bytes. It
// is more than MaxSize, so a template that uses few values always fits.
const maxExpanded = 4 << 20

// globalTempDir is Lima's {{.GlobalTempDir}} on Unix.
const globalTempDir = "/tmp"

// scope holds the values that an expression may use, by Lima's names.
type scope map[string]any

// functions that expressions may call. Those that build text are left out: by
// doubling it a template of a few lines could fill the host's memory.
var functions = []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len"}

// Expand returns a copy of t for one machine: expressions ({{.Param.X}}, {{.Home}} and Lima's
// others) are evaluated with values, paths are absolute, and mount points set. The error is
// a *vm.InvalidSpecError.
func (t *Template) Expand(values Values) (*Template, error) {
	expanded := t.clone()
	scopes, left := t.scopes(values), maxExpanded
	for _, f := range expanded.expandable() {
		if err := f.expand(scopes[f.side], &left); err != nil {
			return nil, err
		}
	}
	expanded.resolvePaths(values)
	sameProxies(expanded.Env)
	if err := expanded.validateExpanded(values); err != nil {
		return nil, err
	}
	return expanded, nil
}

// scopes are the values for each side. Instance and LimaHome are Lima's old names for Name and
// Dir's parent. Of Lima's values for messages there are those that are known before the start.
func (t *Template) scopes(values Values) map[side]scope {
	common := scope{"Name": values.Name, "Param": t.Param}
	guest := common.with(values.Guest.scope()).with(scope{"Hostname": values.Name})
	host := common.with(values.Host.scope()).with(scope{
		"Dir": values.Dir, "Instance": values.Name, "LimaHome": filepath.Dir(values.Dir),
		"GlobalTempDir": globalTempDir, "TempDir": globalTempDir,
	})
	message := host.with(scope{
		"Instance": instanceOf(values.Name),
		"Hostname": values.Name, "HostOS": runtime.GOOS, "HostArch": runtime.GOARCH,
		"VMType": t.VMType, "Arch": t.Arch, "CPUs": t.CPUs, "Memory": t.Memory, "Disk": t.Disk,
	})
	return map[side]scope{guestSide: guest, hostSide: host, messageSide: message}
}

// messageInstance is .Instance of a message: the name as text, and what Lima's messages ask for.
type messageInstance struct {
	Name   string
	Config map[string]any
}

func (i messageInstance) String() string { return i.Name }

// instanceOf has Rosetta off: it belongs to another driver than rdd's.
func instanceOf(name string) messageInstance {
	rosetta := map[string]any{"enabled": false, "binfmt": false}
	return messageInstance{Name: name, Config: map[string]any{"VMOpts": map[string]any{"vz": map[string]any{"rosetta": rosetta}}}}
}

// scope holds the account by Lima's names.
func (u User) scope() scope { return scope{"User": u.Name, "Home": u.Home, "UID": u.UID} }

// with returns a copy that has the values of more as well.
func (s scope) with(more scope) scope {
	all := maps.Clone(s)
	maps.Copy(all, more)
	return all
}

// resolvePaths makes host paths absolute and sets missing mount points.
func (t *Template) resolvePaths(values Values) {
	for i := range t.Images {
		image := &t.Images[i]
		image.Location = underHome(image.Location, values.Host.Home)
		if image.Kernel != nil {
			image.Kernel.Location = underHome(image.Kernel.Location, values.Host.Home)
		}
		if image.Initrd != nil {
			image.Initrd.Location = underHome(image.Initrd.Location, values.Host.Home)
		}
	}
	for i := range t.Mounts {
		m := &t.Mounts[i]
		m.Location = cleanPath(underHome(m.Location, values.Host.Home))
		setDefault(&m.MountPoint, m.Location)
		m.MountPoint = cleanPath(m.MountPoint)
	}
	for i := range t.PortForwards {
		f := &t.PortForwards[i]
		if f.HostSocket != "" && !path.IsAbs(f.HostSocket) {
			f.HostSocket = path.Join(values.Dir, socketDir, f.HostSocket)
		}
	}
}

// underHome replaces a leading `~` and removes `file://`.
func underHome(location, home string) string {
	location = strings.TrimPrefix(location, filePrefix)
	if rest, ok := strings.CutPrefix(location, "~"); ok && (rest == "" || rest[0] == '/') {
		return home + rest
	}
	return location
}

// cleanPath leaves an empty path empty, so that it is refused as such.
func cleanPath(p string) string {
	if p == "" {
		return ""
	}
	return path.Clean(p)
}

// expand evaluates a field's expressions. left is how many bytes the result may have; it is reduced
// by those that the result has.
func (f field) expand(s scope, left *int) error {
	compiled, err := f.compile()
	if err != nil {
		return err
	}
	if unknown := unknownName(compiled.Root, s); unknown != "" {
		names := strings.Join(slices.Sorted(maps.Keys(s)), ", ")
		return invalid(f.path, "has an expression that knows no .%s; there are: %s", unknown, names)
	}
	out := boundedBuilder{left: left}
	if err := compiled.Execute(&out, s); err != nil {
		return invalid(f.path, "has an expression that cannot be evaluated: %s", tidy(err))
	}
	f.set(out.String())
	return nil
}

// compile parses the text and refuses expressions that could run for long or produce unbounded
// text.
func (f field) compile() (*texttemplate.Template, error) {
	compiled, err := texttemplate.New("").Option("missingkey=error").Parse(f.get())
	if err != nil {
		return nil, invalid(f.path, "has an expression that cannot be read: %s", tidy(err))
	}
	if len(compiled.Templates()) > 1 {
		return nil, invalid(f.path, "has a {{define}} or {{block}}, which are not supported")
	}
	if refused := refusedNode(compiled.Root); refused != "" {
		return nil, invalid(f.path, "has an expression with %s, which is not supported", refused)
	}
	return compiled, nil
}

// refusedNode names the first thing in a parse tree that is not supported.
func refusedNode(root parse.Node) (refused string) {
	walk(root, func(node parse.Node) bool {
		switch n := node.(type) {
		case *parse.RangeNode:
			refused = "{{range}}"
		case *parse.TemplateNode:
			refused = "{{template}}"
		case *parse.IdentifierNode:
			if !slices.Contains(functions, n.Ident) {
				refused = "the function " + n.Ident
			}
		}
		return refused == ""
	})
	return refused
}

// unknownName returns the first name that an expression uses and s does not have, also one in a
// branch that is not executed with these values. Within {{with}} the names have another meaning and
// are checked by executing it.
func unknownName(root parse.Node, s scope) (unknown string) {
	var visit func(parse.Node) bool
	visit = func(node parse.Node) bool {
		if names := rootNames(node); len(names) > 0 && unknown == "" {
			if _, known := s[names[0]]; !known {
				unknown = names[0]
			}
		}
		if n, ok := node.(*parse.WithNode); ok {
			walk(n.Pipe, visit)
			if n.ElseList != nil {
				walk(n.ElseList, visit)
			}
			return false
		}
		return unknown == ""
	}
	walk(root, visit)
	return unknown
}

// rootNames returns the names A and B of .A.B or $.A.B; none for other nodes.
func rootNames(node parse.Node) []string {
	switch n := node.(type) {
	case *parse.FieldNode:
		return n.Ident
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return n.Ident[1:]
		}
	}
	return nil
}

// templatePlace matches the beginning of text/template's messages: a name, which is empty here, and
// a position in the text.
var templatePlace = regexp.MustCompile(`^template: :(\d+)(:\d+)?: (executing .*? at <.*?>: )?`)

// tidy returns text/template's message without what the field's path says already.
func tidy(err error) string {
	message := err.Error()
	found := templatePlace.FindStringSubmatch(message)
	if found == nil {
		return message
	}
	message = message[len(found[0]):]
	if found[1] != "1" {
		message += ", in its line " + found[1]
	}
	return shorten(message)
}

// usedParams are the parameters that expressions refer to.
func (t *Template) usedParams() (map[string]bool, error) {
	used := map[string]bool{}
	for _, f := range t.expandable() {
		compiled, err := f.compile()
		if err != nil {
			return nil, err
		}
		walk(compiled.Root, func(node parse.Node) bool {
			if names := rootNames(node); len(names) == 2 && names[0] == "Param" {
				used[names[1]] = true
			}
			return true
		})
	}
	return used, nil
}

// sampleValues are for validating a template before its machine exists. They are short, so that
// they make no valid path too long.
func sampleValues() Values {
	return Values{Name: "n", Dir: "/l/n", Host: User{Name: "u", Home: "/u"}, Guest: User{Name: "u", Home: "/g"}}
}
