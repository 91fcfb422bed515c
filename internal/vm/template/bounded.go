// SPDX-License-Identifier: Apache-2.0

package template

import (
	"errors"
	"strings"
)

var errTooLong = errors.New("the result is too long")

// boundedBuilder builds text as long as some of a budget, in bytes, is left.
type boundedBuilder struct {
	strings.Builder
	left *int
}

func (b *boundedBuilder) Write(p []byte) (int, error) {
	if len(p) > *b.left {
		return 0, errTooLong
	}
	*b.left -= len(p)
	return b.Builder.Write(p)
}
