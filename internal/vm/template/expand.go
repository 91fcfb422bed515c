// SPDX-License-Identifier: Apache-2.0

package template

import (
	"path"
	"path/filepath"
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

// Values is what is known only when a machine is made.
type Values struct {
	// Name of the instance, which is the guest's hostname too.
	Name string
	// Dir is the instance directory on the host.
	Dir string
	// Host is .User, .Home and .UID in mounts[].location, hostSocket and message; Guest in everything else.
	Host, Guest User
}

// socketDir below the instance directory holds a hostSocket whose path is relative, as with Lima.
const socketDir = "sock"

// maxExpanded bounds a field after Expand, in bytes: more than any template can hold as it is written.
const maxExpanded = 4 << 20

// globalTempDir is Lima's {{.GlobalTempDir}} on Unix.
const globalTempDir = "/tmp"

// guestScope is what an expression about the guest sees; Lima's names.
type guestScope struct {
	Param                      map[string]string
	Name, Hostname, Home, User string
	UID                        int
}

// hostScope is what an expression about the host sees. Instance and LimaHome are Lima's old names for Name and Dir's parent.
type hostScope struct {
	Param                      map[string]string
	Name, Instance, Home, User string
	UID                        int
	Dir, LimaHome              string
	GlobalTempDir, TempDir     string
}

// messageScope is what a message may tell besides: of Lima's, what is known before the start.
type messageScope struct {
	hostScope
	Hostname, HostOS, HostArch string
	Arch, VMType               string
	CPUs                       int
	Memory, Disk               int64
}

// functions that expressions may call. Those that build text are left out: by
// doubling it a template of a few lines could fill the host's memory.
var functions = []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len"}

// Expand returns a copy of t for one machine: expressions ({{.Param.X}}, {{.Home}} and Lima's others) replaced by what
// values says, paths absolute, mount points filled in. The error is a *vm.InvalidSpecError.
func (t *Template) Expand(values Values) (*Template, error) {
	expanded := t.clone()
	scopes := t.scopes(values)
	for _, f := range expanded.expandable() {
		if err := f.expand(scopes[f.side]); err != nil {
			return nil, err
		}
	}
	expanded.resolvePaths(values)
	if err := expanded.validateExpanded(values); err != nil {
		return nil, err
	}
	return expanded, nil
}

func (t *Template) scopes(values Values) map[side]any {
	host := hostScope{
		Param: t.Param, Name: values.Name, Instance: values.Name,
		User: values.Host.Name, Home: values.Host.Home, UID: values.Host.UID,
		Dir: values.Dir, LimaHome: filepath.Dir(values.Dir), GlobalTempDir: globalTempDir, TempDir: globalTempDir,
	}
	return map[side]any{
		guestSide: guestScope{
			Param: t.Param, Name: values.Name, Hostname: values.Name,
			User: values.Guest.Name, Home: values.Guest.Home, UID: values.Guest.UID,
		},
		hostSide: host,
		messageSide: messageScope{
			hostScope: host, Hostname: values.Name, HostOS: runtime.GOOS, HostArch: runtime.GOARCH,
			Arch: t.Arch, VMType: t.VMType, CPUs: t.CPUs, Memory: t.Memory, Disk: t.Disk,
		},
	}
}

// resolvePaths makes host paths absolute and fills in mount points.
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

func (f field) expand(scope any) error {
	compiled, err := f.compile()
	if err != nil {
		return err
	}
	out := boundedBuilder{left: maxExpanded}
	if err := compiled.Execute(&out, scope); err != nil {
		return invalid(f.path, "has an expression that cannot be evaluated: %s", tidy(err))
	}
	f.set(out.String())
	return nil
}

// compile parses the text and refuses what could run for long or grow without end.
func (f field) compile() (*texttemplate.Template, error) {
	compiled, err := texttemplate.New(f.path).Option("missingkey=error").Parse(f.get())
	if err != nil {
		return nil, invalid(f.path, "has an expression that cannot be read: %s", tidy(err))
	}
	if len(compiled.Templates()) > 1 {
		return nil, invalid(f.path, "has a {{define}} or {{block}}, which are not supported")
	}
	if compiled.Tree == nil {
		return compiled, nil
	}
	if refused := refusedNode(compiled.Tree.Root); refused != "" {
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

// tidy takes the prefix off an error of text/template that names what the path already says.
func tidy(err error) string {
	message := err.Error()
	if _, rest, ok := strings.Cut(message, `>: `); ok {
		return rest
	}
	return strings.TrimPrefix(message, "template: ")
}

// usedParams are the parameters that expressions mention.
func (t *Template) usedParams() (map[string]bool, error) {
	used := map[string]bool{}
	for _, f := range t.expandable() {
		compiled, err := f.compile()
		if err != nil {
			return nil, err
		}
		if compiled.Tree == nil {
			continue
		}
		walk(compiled.Tree.Root, func(node parse.Node) bool {
			if n, ok := node.(*parse.FieldNode); ok && len(n.Ident) == 2 && n.Ident[0] == "Param" {
				used[n.Ident[1]] = true
			}
			return true
		})
	}
	return used, nil
}

// sampleValues lets a template be tried before its machine exists; short, so that no valid path grows too long by it.
func sampleValues() Values {
	return Values{Name: "n", Dir: "/l/n", Host: User{Name: "u", Home: "/u"}, Guest: User{Name: "u", Home: "/g"}}
}
