// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
)

// Ability returns the engine of the instance as a T, which is one of the optional interfaces of
// package vm. what completes the sentence "the engine cannot …". The error wraps
// errors.ErrUnsupported when the engine does not implement T. A command that can do without then
// goes on.
func Ability[T any](s *Session, what string) (T, error) {
	var none T
	inst, err := s.Instance()
	if err != nil {
		return none, err
	}
	ability, ok := s.Engine(inst).(T)
	if !ok {
		return none, fmt.Errorf("the engine of instance %q cannot %s: %w", inst.Name, what, errors.ErrUnsupported)
	}
	return ability, nil
}
