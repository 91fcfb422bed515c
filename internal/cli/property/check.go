// SPDX-License-Identifier: Apache-2.0

package property

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// check returns an error when a value does not have n's form. path is where the value is, for the
// error.
func check(n *node, value any, path string) error {
	if value == nil && n.Nullable {
		return nil
	}
	if err := checkType(n, value, path); err != nil {
		return err
	}
	if allowed := values(n); len(allowed) > 0 && !slices.Contains(allowed, Show(value)) {
		return fmt.Errorf("%s must be one of the valid values: %s", path, strings.Join(allowed, ", "))
	}
	switch v := value.(type) {
	case []any:
		return checkItems(n, v, path)
	case map[string]any:
		return checkParts(n, v, path)
	}
	return nil
}

// checkType checks the type of a value alone.
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
	text := describe(want)
	if _, whole := value.(int64); whole && want == Integer {
		text = fmt.Sprintf("%s between %d and %d", text, math.MinInt32, math.MaxInt32)
	}
	return fmt.Errorf("%s must be %s", path, text)
}

// fits reports whether a number is within the range of n's format.
func fits(n *node, number int64) bool {
	return n.Format != "int32" || number >= math.MinInt32 && number <= math.MaxInt32
}

// hugeExponent matches exponents far beyond any quantity. Parsing such a quantity would take hours.
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
			return fmt.Errorf("%s does not exist%s; %s", join(path, key), suggestion(key, names), validKeys(names))
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
