// SPDX-License-Identifier: Apache-2.0

package assign

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
)

var errINI = errors.New("in an INI file a path is .Section.Key, and a value one text or number")

// applyINI changes `.Section.Key`, or `.Key` before the first section. The lines that it does not
// change stay as they are.
func (e Evaluator) applyINI(text, expression string) (string, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if text == "" {
		lines = nil
	}
	before := readINI(lines)
	after, err := e.evaluate(treeOf(before), expression)
	if err != nil {
		return "", err
	}
	values, err := valuesOf(after)
	if err != nil {
		return "", err
	}
	for _, old := range before {
		if !slices.ContainsFunc(values, old.sameKey) {
			lines = deleteLine(lines, old.section, old.key)
		}
	}
	for _, value := range values {
		if !slices.Contains(before, value) {
			lines = setLine(lines, value.section, value.key, value.value)
		}
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// iniValue is a line of an INI file. The section is empty before the first one.
type iniValue struct{ section, key, value string }

func (v iniValue) sameKey(other iniValue) bool {
	return v.section == other.section && v.key == other.key
}

// readINI returns the first value of each key.
func readINI(lines []string) []iniValue {
	var values []iniValue
	section := ""
	for _, line := range lines {
		if name, isSection := sectionOf(line); isSection {
			section = name
			continue
		}
		key, value, isKey := keyOf(line)
		v := iniValue{section, key, value}
		if isKey && !slices.ContainsFunc(values, v.sameKey) {
			values = append(values, v)
		}
	}
	return values
}

// sectionOf returns the section that a line begins.
func sectionOf(line string) (name string, is bool) {
	trimmed := strings.TrimSpace(line)
	if !strings.HasPrefix(trimmed, "[") {
		return "", false
	}
	return strings.Trim(trimmed, "[]"), true
}

// keyOf returns what a line sets.
func keyOf(line string) (key, value string, is bool) {
	trimmed := strings.TrimSpace(line)
	if strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";") {
		return "", "", false
	}
	key, value, is = strings.Cut(trimmed, "=")
	return strings.TrimSpace(key), strings.TrimSpace(value), is
}

// treeOf is the document that an expression gets for an INI file.
func treeOf(values []iniValue) *yqlib.CandidateNode {
	root := &yqlib.CandidateNode{Kind: yqlib.MappingNode, Tag: "!!map"}
	for _, v := range values {
		in := root
		if v.section != "" {
			if in = entry(root, v.section); in == nil {
				_, in = root.AddKeyValueChild(textNode(v.section), &yqlib.CandidateNode{Kind: yqlib.MappingNode, Tag: "!!map"})
			}
		}
		if in.Kind == yqlib.MappingNode { // a key before the sections may have the name of one
			in.AddKeyValueChild(textNode(v.key), textNode(v.value))
		}
	}
	return root
}

// number is what expressions can calculate with.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})$`)

func textNode(text string) *yqlib.CandidateNode {
	tag := "!!str"
	if number.MatchString(text) {
		tag = "!!int"
	}
	return &yqlib.CandidateNode{Kind: yqlib.ScalarNode, Tag: tag, Value: text}
}

// valuesOf is the reverse of treeOf.
func valuesOf(root *yqlib.CandidateNode) ([]iniValue, error) {
	if root.Kind != yqlib.MappingNode {
		return nil, errINI
	}
	var values []iniValue
	for i := 0; i+1 < len(root.Content); i += 2 {
		name, child := root.Content[i].Value, root.Content[i+1]
		if child.Kind == yqlib.ScalarNode {
			values = append(values, iniValue{"", name, child.Value})
			continue
		}
		if child.Kind != yqlib.MappingNode {
			return nil, errINI
		}
		for j := 0; j+1 < len(child.Content); j += 2 {
			if child.Content[j+1].Kind != yqlib.ScalarNode {
				return nil, errINI
			}
			values = append(values, iniValue{name, child.Content[j].Value, child.Content[j+1].Value})
		}
	}
	return values, nil
}

// setLine replaces the line of a key in a section, or adds it there.
func setLine(lines []string, section, key, value string) []string {
	in, end, found := section == "", len(lines), section == ""
	for i, line := range lines {
		if name, isSection := sectionOf(line); isSection {
			if in {
				end = i
				break
			}
			in = name == section
			found = found || in
			continue
		}
		if name, _, isKey := keyOf(line); in && isKey && name == key {
			lines[i] = key + "=" + value
			return lines
		}
	}
	if !found {
		return append(lines, "["+section+"]", key+"="+value)
	}
	return append(lines[:end:end], append([]string{key + "=" + value}, lines[end:]...)...)
}

// deleteLine takes the lines of a key in a section out.
func deleteLine(lines []string, section, key string) []string {
	in := ""
	return slices.DeleteFunc(lines, func(line string) bool {
		if name, isSection := sectionOf(line); isSection {
			in = name
			return false
		}
		name, _, isKey := keyOf(line)
		return in == section && isKey && name == key
	})
}
