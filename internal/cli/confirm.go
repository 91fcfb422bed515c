// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

var errNotConfirmed = errors.New("nothing was changed")

// addYes gives a command that destroys data the flag that answers its question.
func addYes(cmd *cobra.Command) *bool {
	return cmd.Flags().BoolP("yes", "y", false, "do not ask")
}

// confirm asks on a terminal whether to go on with what the sentence what says. Without a terminal
// nobody is asked, and only yes goes on.
func (r *root) confirm(what string, yes bool) error {
	if yes {
		return nil
	}
	if f, ok := r.in.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return fmt.Errorf("%s; to do it without being asked: --yes", what)
	}
	fmt.Fprintf(r.err, "%s. Continue? [y/N] ", what)
	return readYes(r.in)
}

func readYes(in io.Reader) error {
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errNotConfirmed
}
