// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"rancherdesktop.io/rdd/internal/regular"
)

// defaultContext is docker's name for what it uses without a context.
const defaultContext = "default"

// backupSuffix is added to the path of config.json for the copy of the original.
const backupSuffix = ".before-rdd"

// current decides whether docker's current context becomes ours: only when no engine answers where
// the present one points. It decides once each time that the container engine becomes ready, so
// that a user who switches back afterwards is not overruled.
func (tx *transaction) current(ctx context.Context, ready string) error {
	if tx.off(Current) || tx.off(Context) {
		return tx.takeBack()
	}
	if ready == "" || tx.Context == nil || tx.Decision.Ready == ready {
		return nil
	}
	c, err := readConfig(tx.configFile())
	if err != nil {
		return err
	}
	kept := tx.kept(ctx, c)
	if kept == "" && c.name != tx.host.Name {
		if err := tx.switchOver(c); err != nil {
			return err
		}
	}
	tx.Decision = decision{Ready: ready, Name: c.selected(), Kept: kept}
	return nil
}

// kept says why the current context is left alone; empty when there is no reason.
func (tx *transaction) kept(ctx context.Context, c config) reason {
	env := tx.environment()
	switch {
	case c.name == tx.host.Name:
		return ""
	case env.Host != "" && env.Host != tx.host.socketURL() || env.Context != "": // ours is what rdd run sets
		return keptEnvironment
	case tx.host.contextWorks(ctx, env.ConfigDir, c.selected()):
		return keptWorking
	default:
		return ""
	}
}

// switchOver makes ours the current context. What was before is in the record first.
func (tx *transaction) switchOver(c config) error {
	tx.Current = &switched{File: c.file, Previous: []previous{tx.previous(c)}, Made: c.made, Blank: c.blank}
	if other, ok := tx.host.others()[c.name]; ok && other.Current != nil && other.Current.File == c.file {
		// The present one is another instance's. What was before that one comes back when both are
		// gone.
		tx.Current.Previous = append(tx.Current.Previous, other.Current.Previous...)
		tx.Current.Made, tx.Current.Blank = other.Current.Made, other.Current.Blank
	}
	if err := tx.prepare(Current, filepath.Dir(c.file)); err != nil {
		return err
	}
	if err := tx.backUp(c); err != nil {
		return tx.failed(Current, err)
	}
	if err := tx.put(Current, c.target, c.with(strconv.Quote(tx.host.Name)), 0o600); err != nil {
		return tx.failed(Current, err)
	}
	return nil
}

func (tx *transaction) previous(c config) previous {
	_, err := os.Stat(contextFile(filepath.Dir(c.file), c.name))
	return previous{Raw: c.raw(), Name: c.name, Existed: err == nil}
}

// backUp copies the original, unless rdd made the file or an earlier copy exists. Only the owner
// may read the copy: it may hold secrets.
func (tx *transaction) backUp(c config) error {
	if _, err := os.Lstat(c.file + backupSuffix); tx.Current.Made || err == nil {
		return nil
	}
	return tx.host.files.Write(c.file+backupSuffix, c.content(), 0o600)
}

// takeBack undoes our own change of the current context. Ours stays current where the user chose
// it.
func (tx *transaction) takeBack() error {
	if tx.Current == nil {
		return nil
	}
	return tx.undoCurrent()
}

// readable reports by an error that docker's configuration is damaged, so that nobody knows whether
// ours is current there.
func (tx *transaction) readable() error {
	_, err := readConfig(tx.configFile())
	return err
}

// undoCurrent makes sure that ours is not the current context, because it is about to be removed.
// Another one that the user has chosen since stays.
func (tx *transaction) undoCurrent() error {
	if missingDir(filepath.Dir(tx.configFile())) {
		tx.Current = nil
		return nil
	}
	c, err := readConfig(tx.configFile())
	if err != nil && tx.Current == nil {
		return nil // it was damaged without us, and we have nothing to do there
	}
	if err != nil {
		return err
	}
	ours, err := tx.isOurs(c)
	if err != nil {
		return err
	}
	if ours {
		if err := tx.restore(c); err != nil {
			return tx.failed(Current, err)
		}
	}
	if err := tx.tidy(c); err != nil {
		return tx.failed(Current, err)
	}
	tx.Current, tx.Decision = nil, decision{}
	return nil
}

func missingDir(dir string) bool {
	_, err := os.Stat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

// isOurs reports whether the current context is ours. It goes by the name, unless we did not choose
// it and the context of that name is somebody else's.
func (tx *transaction) isOurs(c config) (bool, error) {
	if c.name != tx.host.Name {
		return false, nil
	}
	if tx.Current != nil {
		return true, nil
	}
	found, err := tx.host.claim(contextFile(filepath.Dir(c.file), tx.host.Name), tx.Context)
	return found != claimForeign, err
}

// restore writes config.json as it was before, or removes it where rdd made it.
func (tx *transaction) restore(c config) error {
	text := c.with(tx.before(filepath.Dir(c.file)))
	left, err := parse(text)
	switch {
	case err != nil:
		return err
	case tx.Current != nil && tx.Current.Made && left.isEmpty():
		return tx.host.files.Remove(c.target)
	case tx.Current != nil && tx.Current.Blank != nil && left.isEmpty():
		text = []byte(*tx.Current.Blank)
	}
	return tx.put(Current, c.target, text, 0o600)
}

// before is the value of currentContext to restore: the latest one whose context still exists if it
// existed then.
func (tx *transaction) before(configDir string) string {
	if tx.Current == nil {
		return ""
	}
	for _, p := range tx.Current.Previous {
		_, err := os.Stat(contextFile(configDir, p.Name))
		if p.Name == "" || !p.Existed || err == nil {
			return p.Raw
		}
	}
	return ""
}

// tidy removes what our changes left beside the file: temporary files, and the copy of the original
// once the file is the original again.
func (tx *transaction) tidy(c config) error {
	if tx.Current == nil {
		return nil
	}
	backup := c.file + backupSuffix
	if err := errors.Join(tx.host.files.Sweep(c.target), tx.host.files.Sweep(backup)); err != nil {
		return err
	}
	original, err := regular.ReadFile(backup)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	present, err := regular.ReadFile(c.file)
	if err != nil || !bytes.Equal(present, original) {
		return ignoreNotExist(err)
	}
	return tx.host.files.Remove(backup)
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
