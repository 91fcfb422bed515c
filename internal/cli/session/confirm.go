// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

var errNotConfirmed = errors.New("nothing was changed")

// AddYes gives a command that destroys data the flag --yes, which answers the confirmation.
func AddYes(cmd *cobra.Command) *bool {
	return cmd.Flags().BoolP("yes", "y", false, "do not ask")
}

// Confirm asks on a terminal whether to go on; what is a sentence that says what will be lost. It
// returns nil to go on, and an error otherwise; also when ctx ends before the answer. With yes it
// does not ask. Without a terminal it cannot ask, which is an error.
func (s *Session) Confirm(ctx context.Context, what string, yes bool) error {
	if yes {
		return nil
	}
	if !s.CanAsk() {
		return fmt.Errorf("%s; to do it without being asked: --yes", what)
	}
	fmt.Fprintf(s.Err, "%s. Continue? [y/N] ", what)
	return readYes(ctx, s.In)
}

// CanAsk reports whether Confirm can ask: whether standard input is a terminal.
func (s *Session) CanAsk() bool { return Terminal(s.In) != nil }

func readYes(ctx context.Context, in io.Reader) error {
	answer, err := Interruptibly(ctx, func() (string, error) { return bufio.NewReader(in).ReadString('\n') })
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errNotConfirmed
}
