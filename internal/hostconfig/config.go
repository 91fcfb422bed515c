// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/regular"
)

// newConfig is the text that stands for a config.json that does not exist or is blank.
const newConfig = "{\n}"

func configFile(configDir string) string { return filepath.Join(configDir, "config.json") }

// config is docker's config.json.
type config struct {
	document
	// file is its path, target the path that a link resolves to.
	file, target string
	mode         fs.FileMode
	// made says that the file does not exist yet. blank is its content if that is white space only.
	made  bool
	blank *string
}

// selected is the context that docker uses; "default" when none is named.
func (c config) selected() string {
	if c.name == "" {
		return defaultContext
	}
	return c.name
}

// readConfig reads a config.json, following links as docker does.
func readConfig(file string) (config, error) {
	c := config{file: file, target: file, mode: 0o600}
	text, err := c.read()
	if err != nil {
		return c, damaged(file, err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		held := string(text)
		c.blank, text = &held, []byte(newConfig)
	}
	if c.document, err = parse(text); err != nil {
		return c, damaged(file, err)
	}
	return c, nil
}

func (c *config) read() (text []byte, err error) {
	if _, err := os.Lstat(c.file); errors.Is(err, fs.ErrNotExist) {
		c.made = true
		return []byte(newConfig), nil
	}
	if c.target, err = filepath.EvalSymlinks(c.file); err != nil {
		return nil, err
	}
	info, err := os.Stat(c.target)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	c.mode = info.Mode().Perm()
	return regular.ReadFile(c.target)
}

func damaged(file string, err error) error {
	return &Problem{Current, fmt.Sprintf("docker's configuration %s cannot be used, and was left alone: %v", file, err),
		"repair it, or move it away; until then: rdd run docker …"}
}

// configFile is the config.json that we changed; while there is none, the one that we would change.
func (tx *transaction) configFile() string {
	if tx.Current != nil {
		return tx.Current.File
	}
	return configFile(tx.environment().ConfigDir)
}
