// SPDX-License-Identifier: Apache-2.0

package property

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	strictjson "sigs.k8s.io/json"
)

// Split reads arguments of the form NAME=VALUE. An empty VALUE is nil. what says in errors what a
// NAME is, such as "property". It is an error that a NAME is given twice.
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

// Setting is a property and the value to give it; nil takes it back to its default.
type Setting struct {
	Name  string
	Value any
}

// Parse turns what Split returns into settings, in the order of the names. The error says what is
// wrong with the first bad one, and what would be valid.
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

// parse reads the text of a property's value; nil stands for the default.
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

// scalar returns text as a value of n's type. Text that is no such value stays text: check refuses
// it.
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
