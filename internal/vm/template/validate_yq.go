// SPDX-License-Identifier: Apache-2.0

package template

import (
	"cmp"

	"rancherdesktop.io/rdd/internal/assign"
)

// FileFormat is the format of the file of a step of ModeYQ: the given one, or that of its name;
// empty when it has no other.
func (p Provision) FileFormat() string { return cmp.Or(p.Format, assign.FormatOf(p.Path)) }

// validateNoYQ refuses what belongs to mode yq.
func (p Provision) validateNoYQ(at string) error {
	for _, field := range []struct{ name, value string }{{"expression", p.Expression}, {"format", p.Format}} {
		if field.value != "" {
			return invalid(at+"."+field.name, "belongs to mode `%s`; the mode here is `%s`", ModeYQ, p.Mode)
		}
	}
	return nil
}

func (p Provision) validateYQ(at string) error {
	switch {
	case p.Script != "":
		return invalid(at+".script", "must not be given with mode `%s`, which evaluates `expression`", ModeYQ)
	case p.Content != "":
		return invalid(at+".content", "belongs to mode `%s`; the mode here is `%s`", ModeData, p.Mode)
	case p.Overwrite != nil:
		return invalid(at+".overwrite", "belongs to mode `%s`; the mode here is `%s`", ModeData, p.Mode)
	case p.Path == "":
		return invalid(at+".path", "must be given with mode `%s`: the file to change", ModeYQ)
	case p.Expression == "":
		return invalid(at+".expression", "must be given with mode `%s`", ModeYQ)
	case !permissionsPattern.MatchString(p.Permissions):
		return invalid(at+".permissions", "must be 3 or 4 octal digits such as \"644\"; got `%s`", p.Permissions)
	}
	return nil
}

// validateExpression checks an expanded expression as far as that is possible without the file.
func (p Provision) validateExpression(at string) error {
	format := p.FileFormat()
	if format != assign.JSON && format != assign.YAML && format != assign.INI {
		return invalid(at+".format", "must be one of %s, %s, %s, or `auto` with a file's name that says which; got `%s` for %s",
			assign.JSON, assign.YAML, assign.INI, cmp.Or(p.Format, "auto"), p.Path)
	}
	if err := (assign.Evaluator{}).Check(format, p.Expression); err != nil {
		return invalid(at+".expression", "cannot be evaluated by rdd: %v; a script of mode `system` can do it otherwise", err)
	}
	return nil
}
