// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"
)

// mergeHint is the remedy for a template that names other files where none is read.
const mergeHint = "`rdd limavm create NAME FILE` reads them and stores one template"

// defaultMounts are those of Lima's template of that name: the home directory, to read.
const (
	defaultMountsName = "_default/mounts"
	defaultMounts     = "mounts:\n- location: '~'\n"
)

// reference is one entry of a `base`, or a `file`, with its position.
type reference struct {
	value   value
	locator string
}

// bases lists what the root's `base` names, in order.
func (d *Document) bases() ([]reference, error) {
	node := entry(d.root, "base")
	if node == nil {
		return nil, nil
	}
	root := d.rootValue()
	// This refuses double keys: a second `base` would be lost in merging.
	if err := eachEntry(root, func(*yaml.Node, value) error { return nil }); err != nil {
		return nil, root.places.locate(err)
	}
	if absent(node) {
		return nil, nil
	}
	v := root.child("base", node)
	if node.Kind != yaml.SequenceNode {
		ref, err := v.reference()
		return []reference{ref}, err
	}
	var refs []reference
	for i, node := range node.Content {
		ref, err := v.element(i, node).reference()
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// rootValue is the value of the whole document.
func (d *Document) rootValue() value { return value{node: d.root, places: places{}, document: d} }

// reference reads a locator: text, or a mapping with `url`.
func (v value) reference() (reference, error) {
	var locator string
	decode := text(&locator)
	if v.node.Kind == yaml.MappingNode {
		decode = mapping(fields{"url": text(&locator), "digest": none("digests of templates are not checked")})
	}
	if err := decode(v); err != nil {
		return reference{}, v.places.locate(err)
	}
	if locator == "" {
		return reference{}, v.refuse("must name a template: a file, a URL or `template:_default/mounts`")
	}
	return reference{value: v, locator: locator}, nil
}

// cannotRead adds to an error what could not be read, and where it is named.
func (r reference) cannotRead(locator string, err error) error {
	at, _ := r.value.places.nearest(r.value.path)
	return fmt.Errorf("reading %s for field `%s` (%s): %w", locator, r.value.path, at, err)
}

// refuse is failf with the value's position.
func (v value) refuse(format string, args ...any) error {
	return v.places.locate(v.failf(format, args...))
}

// removeEntry removes a key from a mapping.
func removeEntry(mapping *yaml.Node, key string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = append(mapping.Content[:i:i], mapping.Content[i+2:]...)
			return
		}
	}
}

// builtin returns the template that `template:NAME` names. isTemplate is false for every other
// locator.
func (r reference) builtin() (data string, isTemplate bool, err error) {
	name, ok := templateName(r.locator)
	if !ok {
		return "", false, nil
	}
	if name == defaultMountsName {
		return defaultMounts, true, nil
	}
	if strings.HasPrefix(name, "_images/") {
		return "", true, r.value.refuse(
			"names an image list of Lima's (`%s`), which is not part of rdd: leave it out and give `images`, such as `- location: rdd:docker` or "+
				"the URL of a cloud image",
			r.locator,
		)
	}
	return "", true, r.value.refuse("names a template of Lima's (`%s`), which is not part of rdd: save it to a file and name that", r.locator)
}

// templateName returns the name of a template of Lima's, which `template:NAME` names.
func templateName(locator string) (name string, ok bool) {
	name, ok = strings.CutPrefix(locator, templatePrefix)
	return strings.TrimSuffix(strings.TrimPrefix(name, "//"), ".yaml"), ok
}

// InFolders looks for what `template:NAME` names in folders of templates, and returns the path of
// the first file that exists: NAME.yaml, or for a script NAME itself. Whoever reads it finds out
// whether that is possible. ok is false when there is
// none.
func InFolders(locator string, folders []string) (file string, ok bool) {
	name, ok := templateName(locator)
	if !ok || name == defaultMountsName || !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", false
	}
	for _, folder := range folders {
		for _, suffix := range []string{".yaml", ""} {
			file := filepath.Join(folder, filepath.FromSlash(name)) + suffix
			if _, err := os.Lstat(file); err == nil && !isDirectory(file) {
				return file, true
			}
		}
	}
	return "", false
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// addBuiltinBases merges the bases that need no reading, and refuses all others.
func (d *Document) addBuiltinBases() error {
	refs, err := d.bases()
	if err != nil {
		return err
	}
	for _, ref := range refs {
		data, isTemplate, err := ref.builtin()
		if err != nil {
			return err
		}
		if !isTemplate {
			return ref.value.refuse("names another template (`%s`), and here none is read: %s", shorten(ref.locator), mergeHint)
		}
		if err := d.mergeBuiltin(ref, data); err != nil {
			return err
		}
	}
	d.basesDone(refs)
	return nil
}

// mergeBuiltin merges a template of rdd's own. Messages about it give the position of its name.
func (d *Document) mergeBuiltin(ref reference, data string) error {
	base, err := Parse([]byte(data), "")
	if err != nil {
		return err
	}
	moveTo(base.root, ref.value.node)
	mergeMapping(d.root, base.root, true)
	return nil
}

// moveTo gives a node and all below it the position of another.
func moveTo(node, at *yaml.Node) {
	node.Line, node.Column = at.Line, at.Column
	for _, child := range node.Content {
		moveTo(child, at)
	}
}

// basesDone removes the bases that have been merged.
func (d *Document) basesDone(refs []reference) {
	removeEntry(d.root, "base")
	if len(refs) > 0 {
		d.CombineMounts()
	}
}

// absolute resolves a locator against the origin of the document that has it.
func (r reference) absolute(origin string) (string, error) {
	locator := r.locator
	switch scheme, _, hasScheme := strings.Cut(locator, "://"); {
	case isURL(locator):
		return locator, nil
	case hasScheme && scheme != "file":
		return "", r.value.refuse("must be a file, or an http or https URL; got `%s`", locator)
	case isURL(origin):
		return r.relativeURL(origin)
	}
	locator = strings.TrimPrefix(locator, filePrefix)
	if filepath.IsAbs(locator) || strings.HasPrefix(locator, "~/") {
		return locator, nil
	}
	if origin == "" {
		return "", r.value.refuse(
			"is a relative path (`%s`), and where the template comes from there is nothing it could be relative to: save the template to a file",
			locator,
		)
	}
	return filepath.Join(filepath.Dir(origin), filepath.FromSlash(locator)), nil
}

// relativeURL resolves a path against a URL. A template from the network must never name a file of
// this host.
func (r reference) relativeURL(origin string) (string, error) {
	base, err := url.Parse(origin)
	if err != nil {
		return "", fmt.Errorf("reading the URL %s: %w", origin, err)
	}
	if path.IsAbs(r.locator) || strings.HasPrefix(r.locator, "~") || strings.Contains(r.locator, ":") {
		return "", r.value.refuse("must be a relative path or a URL in a template that comes from one; got `%s`", r.locator)
	}
	return base.ResolveReference(&url.URL{Path: r.locator}).String(), nil
}

func isURL(locator string) bool {
	return strings.HasPrefix(locator, "http://") || strings.HasPrefix(locator, "https://")
}
