// SPDX-License-Identifier: Apache-2.0

package property

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"
	strictjson "sigs.k8s.io/json"
)

// Split reads arguments of the form NAME=VALUE; an empty VALUE is nil. What says what a NAME is.
func Split(what string, args []string) (map[string]*string, error) {
	pairs := map[string]*string{}
	for _, arg := range args {
		if !utf8.ValidString(arg) {
			return nil, fmt.Errorf("%s %q is no valid UTF-8", what, arg)
		}
		name, value, found := strings.Cut(arg, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("%s %q: want NAME=VALUE", what, arg)
		}
		if _, twice := pairs[name]; twice {
			return nil, fmt.Errorf("%s %q is given twice", what, name)
		}
		pairs[name] = nil
		if value != "" {
			pairs[name] = &value
		}
	}
	return pairs, nil
}

// Setting gives a property a value; nil takes it back to its default.
type Setting struct {
	Name  string
	Value any
}

// Parse reads what Split has found, in the order of the names.
func (s *Schema) Parse(pairs map[string]*string) ([]Setting, error) {
	var settings []Setting
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		p, err := s.find(name)
		if err != nil {
			return nil, err
		}
		value, err := p.parse(pairs[name])
		if err != nil {
			return nil, err
		}
		settings = append(settings, Setting{name, value})
	}
	return settings, nil
}

// parse reads the value of a property.
func (p Property) parse(text *string) (any, error) {
	switch {
	case text == nil && p.needed:
		return nil, fmt.Errorf("property %q has no default and needs a value", p.Name)
	case text == nil:
		return nil, nil
	case p.Type == List || p.Type == Object:
		return p.parseJSON(*text)
	}
	value := scalar(p.node, *text)
	if err := check(p.node, value, p.Name); err != nil {
		return nil, fmt.Errorf("%w; got %q", err, *text)
	}
	return value, nil
}

// scalar is what text is as a value of n's type. Text that is none stays text, which the check
// refuses.
func scalar(n *node, text string) any {
	switch typeOf(n) {
	case Boolean:
		if text == "true" || text == "false" {
			return text == "true"
		}
	case Integer:
		if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
			return whole
		}
	case Number:
		if number, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(number, 0) && !math.IsNaN(number) {
			return number
		}
	}
	return text
}

func (p Property) parseJSON(text string) (any, error) {
	var value any
	faults, err := strictjson.UnmarshalStrict([]byte(text), &value)
	if err == nil && len(faults) > 0 {
		err = faults[0]
	}
	if err != nil {
		return nil, fmt.Errorf("property %q must be JSON, as in %s: %w", p.Name, p.example(), err)
	}
	return value, check(p.node, value, p.Name)
}

// check judges whether a value has n's form; path is where it stands.
func check(n *node, value any, path string) error {
	if value == nil && n.Nullable {
		return nil
	}
	if err := checkType(n, value, path); err != nil {
		return err
	}
	if words := values(n); len(words) > 0 && !slices.Contains(words, Show(value)) {
		return fmt.Errorf("%s must be one of %s", path, strings.Join(words, ", "))
	}
	switch v := value.(type) {
	case []any:
		return checkItems(n, v, path)
	case map[string]any:
		return checkParts(n, v, path)
	}
	return nil
}

// checkType judges the kind of value alone.
func checkType(n *node, value any, path string) error {
	want, ok := typeOf(n), false
	switch v := value.(type) {
	case bool:
		ok = want == Boolean
	case int64:
		ok = want == Integer && fits(n, v) || want == Number || n.XIntOrString
	case float64:
		ok = want == Number
	case string:
		ok = want == Text || want == Quantity && isQuantity(n, v)
	case []any:
		ok = want == List
	case map[string]any:
		ok = want == Object
	}
	if ok {
		return nil
	}
	text := called(want)
	if _, whole := value.(int64); whole && want == Integer {
		text = fmt.Sprintf("%s between %d and %d", text, math.MinInt32, math.MaxInt32)
	}
	return fmt.Errorf("%s must be %s", path, text)
}

// fits reports whether n's format has room for a number.
func fits(n *node, number int64) bool {
	return n.Format != "int32" || number >= math.MinInt32 && number <= math.MaxInt32
}

// hugeExponent is far beyond any quantity; reading one would take hours.
var hugeExponent = regexp.MustCompile(`[eE][+-]?[0-9]{3}`)

func isQuantity(n *node, text string) bool {
	if matched, err := regexp.MatchString(n.Pattern, text); err == nil && !matched || hugeExponent.MatchString(text) {
		return false
	}
	_, err := resource.ParseQuantity(text)
	return err == nil
}

func checkItems(n *node, items []any, path string) error {
	item := itemOf(n)
	if item == nil {
		return nil
	}
	for i, value := range items {
		if err := check(item, value, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	return nil
}

func checkParts(n *node, parts map[string]any, path string) error {
	if !branch(n) {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		child, known := n.Properties[key]
		part := &child
		if !known {
			part = freeKeys(n)
		}
		if part == nil {
			names := slices.Sorted(maps.Keys(n.Properties))
			return fmt.Errorf("%s does not exist%s; %s", join(path, key), suggestion(key, names), validAre(names))
		}
		if err := check(part, parts[key], join(path, key)); err != nil {
			return err
		}
	}
	for _, key := range n.Required {
		if _, given := parts[key]; !given && n.Properties[key].Default == nil {
			return fmt.Errorf("%s is missing", join(path, key))
		}
	}
	return nil
}
