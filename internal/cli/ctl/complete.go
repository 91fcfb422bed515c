// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// completeKubectl asks kubectl itself how its command line goes on. It talks to a running server
// only: completion starts nothing.
func completeKubectl(
	ctx context.Context, args []string, prefix string, build func(session.Streams, []string) *cobra.Command,
) ([]string, cobra.ShellCompDirective) {
	asked := append(append([]string{cobra.ShellCompRequestCmd}, args...), prefix)
	var answer bytes.Buffer
	tool := build(session.Streams{In: strings.NewReader(""), Out: &answer, Err: io.Discard}, asked)
	if err := tool.ExecuteContext(ctx); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return parseCompletions(answer.String())
}

// parseCompletions reads what a __complete command prints: one completion per line and the
// directive, ":4", last.
func parseCompletions(answer string) ([]string, cobra.ShellCompDirective) {
	lines := strings.Split(strings.TrimRight(answer, "\n"), "\n")
	last := len(lines) - 1
	text, ok := strings.CutPrefix(lines[last], ":")
	directive, err := strconv.Atoi(text)
	if !ok || err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return lines[:last], cobra.ShellCompDirective(directive)
}
