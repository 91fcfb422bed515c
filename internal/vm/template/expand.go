// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"maps"
	"path"
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
	// Name of the instance.
	Name string
	// Dir is the instance directory on the host.
	Dir string
	// Host is .User, .Home and .UID in hostSocket and message; Guest in scripts and guestSocket.
	Host, Guest User
}

// scope is what an expression sees.
type scope struct {
	Param                 map[string]string
	Name, Home, User, Dir string
	UID                   int
}

// functions that expressions may call. Those that build text are left out: by
// doubling it a template of a few lines could fill the host's memory.
var functions = []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len"}

// field is one text that may hold expressions.
type field struct {
	path string
	text *string
	// host: the expression is about the host's user, else the guest's.
	host bool
	// socket: the result must be a Unix socket's absolute path.
	socket bool
}

// expandable lists the fields of t that may hold Go template expressions.
func (t *Template) expandable() []field {
	var all []field
	for i := range t.Provision {
		all = append(all, field{path: fmt.Sprintf("provision[%d].script", i), text: &t.Provision[i].Script})
	}
	for i := range t.Probes {
		all = append(all, field{path: fmt.Sprintf("probes[%d].script", i), text: &t.Probes[i].Script})
	}
	for i := range t.PortForwards {
		f, at := &t.PortForwards[i], fmt.Sprintf("portForwards[%d]", i)
		all = append(all,
			field{path: at + ".guestSocket", text: &f.GuestSocket, socket: true},
			field{path: at + ".hostSocket", text: &f.HostSocket, socket: true, host: true})
	}
	return append(all, field{path: "message", text: &t.Message, host: true})
}

// Expand returns a copy of t with the expressions ({{.Param.X}} .Name .Home .User
// .UID, and .Dir on the host's side) replaced by what values says. The error is a *vm.InvalidSpecError.
func (t *Template) Expand(values Values) (*Template, error) {
	expanded := *t
	expanded.Images = slices.Clone(t.Images)
	expanded.Env, expanded.Param = maps.Clone(t.Env), maps.Clone(t.Param)
	expanded.Provision = slices.Clone(t.Provision)
	expanded.Probes = slices.Clone(t.Probes)
	expanded.PortForwards = slices.Clone(t.PortForwards)
	for _, f := range expanded.expandable() {
		if err := f.expand(t.scope(values, f.host)); err != nil {
			return nil, err
		}
	}
	return &expanded, nil
}

func (t *Template) scope(values Values, host bool) scope {
	s := scope{Param: t.Param, Name: values.Name}
	user := values.Guest
	if host {
		user, s.Dir = values.Host, values.Dir
	}
	s.User, s.Home, s.UID = user.Name, user.Home, user.UID
	return s
}

func (f field) expand(s scope) error {
	compiled, err := f.compile()
	if err != nil {
		return err
	}
	var out strings.Builder
	if err := compiled.Execute(&out, s); err != nil {
		return invalid(f.path, "has an expression that cannot be evaluated: %s", tidy(err))
	}
	*f.text = out.String()
	return f.validateSocket()
}

func (f field) validateSocket() error {
	if !f.socket {
		return nil
	}
	// Guest and Unix host paths alike: socket forwarding exists on Unix hosts only.
	if !path.IsAbs(*f.text) || strings.ContainsAny(*f.text, "\x00\n\r") {
		return invalid(f.path, "must be an absolute path; got `%s`", *f.text)
	}
	if len(*f.text) > maxSocketPath {
		return invalid(f.path, "must be a path of at most %d bytes, the limit for Unix sockets; got `%s`", maxSocketPath, *f.text)
	}
	return nil
}

// compile parses the text and refuses what could run for long or grow without end.
func (f field) compile() (*texttemplate.Template, error) {
	compiled, err := texttemplate.New(f.path).Option("missingkey=error").Parse(*f.text)
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
	user := User{Name: "u", Home: "/u"}
	return Values{Name: "n", Dir: "/d", Host: user, Guest: user}
}
