// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// resolveBase merges what a template's `base` and `file` fields name into one document. Without
// such fields that is data itself. Relative names are relative to origin, the absolute path or the
// URL that data was read from; empty for standard input.
//
// A merged template is validated here, where it is known which file a fault is in: the API server
// gets one document.
func resolveBase(ctx context.Context, data []byte, origin string, params map[string]string) ([]byte, error) {
	document, err := template.Parse(data, origin)
	if err != nil {
		return data, nil //nolint:nilerr // the API server refuses it with the same message
	}
	changed, err := document.Resolve(ctx, readBase, templateFolders()...)
	if err != nil {
		return nil, refusedTemplate(fmt.Errorf("merging the template: %w", err))
	}
	if !changed {
		return data, nil
	}
	merged, err := document.YAML()
	if err != nil {
		return nil, err
	}
	host, err := template.LocalHost()
	if err != nil {
		return nil, err
	}
	if _, err := document.Load(params, host); err != nil {
		return nil, refusedTemplate(err)
	}
	return merged, nil
}

// refusedTemplate gives an error the exit code of a refusal by the API server, if the template is
// at fault. An error of reading stays as it is.
func refusedTemplate(err error) error {
	var parse *template.ParseError
	var invalid *vm.InvalidSpecError
	if errors.As(err, &parse) || errors.As(err, &invalid) {
		return &session.CodeError{Code: session.ExitRefused, Err: err}
	}
	return err
}

// readBase reads the file or URL that a `base` or `file` field names.
func readBase(ctx context.Context, locator string) ([]byte, error) {
	if urlPattern.MatchString(locator) {
		return download(ctx, locator)
	}
	if rest, ok := strings.CutPrefix(locator, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		locator = filepath.Join(home, rest)
	}
	return readNamed(ctx, locator)
}
