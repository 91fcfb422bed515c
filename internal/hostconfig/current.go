// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// defaultContext is docker's word for no context.
const defaultContext = "default"

// backupSuffix is added to the name of config.json for the copy of what it was before rdd.
const backupSuffix = ".before-rdd"

// newConfig is what a config.json begins as.
const newConfig = "{\n}"

func configFile(configDir string) string { return filepath.Join(configDir, "config.json") }

// config is docker's config.json.
type config struct {
	document
	// file is its name, target where a link leads.
	file, target string
	mode         fs.FileMode
	// made says that there is none yet, blank what it holds if that is nothing but white space.
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
	return os.ReadFile(c.target)
}

func damaged(file string, err error) error {
	return &Problem{Current, fmt.Sprintf("docker's configuration %s cannot be used, and was left alone: %v", file, err),
		"repair it, or move it away; until then: rdd run docker …"}
}

// configFile is the one that was changed, or the one that is to be.
func (s *session) configFile() string {
	if s.Current != nil {
		return s.Current.File
	}
	return configFile(s.environment().ConfigDir)
}

// current judges, once each time the engine becomes ready, whether docker uses an engine that
// works, and makes it use ours when not.
func (s *session) current(ctx context.Context, ready string) error {
	if s.off(Current) || s.off(Context) {
		return s.takeBack()
	}
	if ready == "" || s.Context == nil || s.Judged.Ready == ready {
		return nil
	}
	c, err := readConfig(s.configFile())
	if err != nil {
		return err
	}
	kept := s.kept(ctx, c)
	if kept == "" && c.name != s.host.Name {
		if err := s.switchOver(c); err != nil {
			return err
		}
	}
	s.Judged = judgement{Ready: ready, Name: c.selected(), Kept: kept}
	return nil
}

// kept says why the current context is left alone; empty when there is no reason.
func (s *session) kept(ctx context.Context, c config) reason {
	env := s.environment()
	switch {
	case c.name == s.host.Name:
		return ""
	case env.Host != "" && env.Host != s.host.socketURL() || env.Context != "": // ours is what rdd run sets
		return keptEnvironment
	case s.host.contextWorks(ctx, env.ConfigDir, c.selected()):
		return keptWorking
	default:
		return ""
	}
}

// switchOver makes ours the current context.
func (s *session) switchOver(c config) error {
	s.Current = &switched{File: c.file, Previous: []previous{s.previous(c)}, Made: c.made, Blank: c.blank}
	if other, ok := s.host.others()[c.name]; ok && other.Current != nil && other.Current.File == c.file {
		// It was another instance's turn: what was before that is what comes back when both are gone.
		s.Current.Previous = append(s.Current.Previous, other.Current.Previous...)
		s.Current.Made, s.Current.Blank = other.Current.Made, other.Current.Blank
	}
	if err := s.prepare(Current, filepath.Dir(c.file)); err != nil {
		return err
	}
	if err := s.backUp(c); err != nil {
		return s.failed(Current, err)
	}
	if err := s.host.files.Write(c.target, c.with(strconv.Quote(s.host.Name)), c.mode); err != nil {
		return s.failed(Current, err)
	}
	return nil
}

func (s *session) previous(c config) previous {
	_, err := os.Stat(contextFile(filepath.Dir(c.file), c.name))
	return previous{Raw: c.raw(), Name: c.name, Existed: err == nil}
}

// backUp keeps the first original, if the file is not of rdd's making, for its owner alone: there
// may be secrets in it.
func (s *session) backUp(c config) error {
	if _, err := os.Lstat(c.file + backupSuffix); s.Current.Made || err == nil {
		return nil
	}
	text := c.text
	if c.blank != nil {
		text = []byte(*c.blank)
	}
	return s.host.files.Write(c.file+backupSuffix, text, 0o600)
}

// takeBack undoes our own change of the current context; one that the user chose stays.
func (s *session) takeBack() error {
	if s.Current == nil {
		return nil
	}
	return s.undoCurrent()
}

// undoCurrent makes sure that ours is not the current context, as it is about to go. Where the user
// has chosen another one since, that is left.
func (s *session) undoCurrent() error {
	if missingDir(filepath.Dir(s.configFile())) {
		s.Current = nil
		return nil
	}
	c, err := readConfig(s.configFile())
	if err != nil && s.Current == nil {
		return nil // it was damaged without us, and we have nothing to do there
	}
	if err != nil {
		return err
	}
	ours, err := s.isOurs(c)
	if err != nil {
		return err
	}
	if ours {
		if err := s.restore(c); err != nil {
			return s.failed(Current, err)
		}
	}
	if err := s.tidy(c); err != nil {
		return s.failed(Current, err)
	}
	s.Current, s.Judged = nil, judgement{}
	return nil
}

func missingDir(dir string) bool {
	_, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

// isOurs reports whether the current context is ours: by name, unless somebody else's context has
// that name and we did not choose it.
func (s *session) isOurs(c config) (bool, error) {
	if c.name != s.host.Name {
		return false, nil
	}
	if s.Current != nil {
		return true, nil
	}
	found, err := s.host.claim(contextFile(filepath.Dir(c.file), s.host.Name), s.Context)
	return found != claimForeign, err
}

// restore puts back what was there before.
func (s *session) restore(c config) error {
	text := c.with(s.before(filepath.Dir(c.file)))
	left, err := parse(text)
	switch {
	case err != nil:
		return err
	case s.Current != nil && s.Current.Made && left.isEmpty():
		return s.host.files.Remove(c.target)
	case s.Current != nil && s.Current.Blank != nil && left.isEmpty():
		text = []byte(*s.Current.Blank)
	}
	return s.host.files.Write(c.target, text, c.mode)
}

// before is the value of currentContext that comes back: the last one whose context is as it was.
func (s *session) before(configDir string) string {
	if s.Current == nil {
		return ""
	}
	for _, p := range s.Current.Previous {
		_, err := os.Stat(contextFile(configDir, p.Name))
		if p.Name == "" || !p.Existed || err == nil {
			return p.Raw
		}
	}
	return ""
}

// tidy removes what our changes left beside the file: the copy of the original once the original is
// back.
func (s *session) tidy(c config) error {
	if s.Current == nil {
		return nil
	}
	backup := c.file + backupSuffix
	if err := errors.Join(s.host.files.Sweep(c.target), s.host.files.Sweep(backup)); err != nil {
		return err
	}
	original, err := os.ReadFile(backup)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	present, err := os.ReadFile(c.file)
	if err != nil || !bytes.Equal(present, original) {
		return ignoreNotExist(err)
	}
	return s.host.files.Remove(backup)
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
