// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Known are the controllers that there are.
type Known struct {
	// Names of all controllers.
	Names []string
	// Groups are the names of the controllers by API group.
	Groups map[string][]string
}

// Words returns the names, and the API groups that are no names.
func (k Known) Words() []string {
	words := slices.Clone(k.Names)
	for _, group := range slices.Sorted(maps.Keys(k.Groups)) {
		if !slices.Contains(words, group) {
			words = append(words, group)
		}
	}
	return words
}

// named returns the controllers that an entry names; none when it is unknown. A name that is a
// controller's and a group's is the group.
func (k Known) named(entry string) []string {
	switch {
	case entry == AllControllers:
		return k.Names
	case k.Groups[entry] != nil:
		return k.Groups[entry]
	case slices.Contains(k.Names, entry):
		return []string{entry}
	}
	return nil
}

// Select returns the names that list selects, in the order of k.Names. list has the format of
// Arguments.Controllers. An unknown name is an error that has the valid ones.
func (k Known) Select(list []string) ([]string, error) {
	wanted := map[string]bool{}
	for _, entry := range list {
		name, excluded := strings.CutPrefix(entry, "-")
		names := k.named(name)
		if names == nil || excluded && name == AllControllers {
			return nil, fmt.Errorf("unknown controller %q; valid values: %s, and %q for all", name, strings.Join(k.Words(), ", "), AllControllers)
		}
		for _, each := range names {
			// "*" adds those of which the list says nothing else.
			if _, decided := wanted[each]; !decided || name != AllControllers {
				wanted[each] = !excluded
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(k.Names), func(name string) bool { return !wanted[name] }), nil
}

// Check returns what is wrong with a list that somebody gives: what Select refuses, a word that is
// both named and left out, and a list that selects none. Select takes the latter two, because a
// daemon can run with them.
func (k Known) Check(list []string) error {
	selected, err := k.Select(list)
	if err != nil {
		return err
	}
	for _, entry := range list {
		if slices.Contains(list, "-"+entry) {
			return fmt.Errorf("%q is both named and left out", entry)
		}
	}
	if len(selected) > 0 {
		return nil
	}
	leavesOut := func(entry string) bool { return strings.HasPrefix(entry, "-") }
	switch {
	case len(list) == 0:
		return fmt.Errorf("no controller is named, so that nobody would act; valid values: %s, and %q for all",
			strings.Join(k.Words(), ", "), AllControllers)
	case !slices.ContainsFunc(list, func(entry string) bool { return !leavesOut(entry) }):
		return fmt.Errorf("no controller is left: %[1]s only leaves out; for all others: %[2]s,%[1]s", strings.Join(list, ","), AllControllers)
	}
	return fmt.Errorf("no controller is left of %s, so that nobody would act", strings.Join(list, ","))
}
