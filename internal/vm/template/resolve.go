// SPDX-License-Identifier: Apache-2.0

package template

import (
	"context"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	// maxBaseDepth bounds the chain of templates that name one another as base, maxBases their total
	// number.
	maxBaseDepth = 10
	maxBases     = 64
)

// A Reader reads what a locator names: an absolute path of the host or one below `~/`, or an
// http(s) URL. It bounds how much it reads.
type Reader func(ctx context.Context, locator string) ([]byte, error)

// Resolve merges into d the templates that its `base` names, and those that they name, and replaces
// each `file` of provision and probes by its content. Relative paths are relative to the document
// that has them: its origin must be an absolute path or a URL, or empty if there are no relative
// ones. What `template:NAME` names is looked for in folders. changed reports whether there was
// anything to do. After an error d is useless.
func (d *Document) Resolve(ctx context.Context, read Reader, folders ...string) (changed bool, err error) {
	r := resolver{read: read, folders: folders, visited: map[string]bool{d.origin: true}}
	if err := r.resolve(ctx, d, 0); err != nil {
		return false, err
	}
	return r.changed, nil
}

// resolver merges documents.
type resolver struct {
	read    Reader
	folders []string
	// visited are the locators of all documents so far: a cycle would not end.
	visited map[string]bool
	changed bool
}

// resolve merges the bases of a document, the first over the second and so on.
func (r *resolver) resolve(ctx context.Context, d *Document, depth int) error {
	if err := r.files(ctx, d); err != nil {
		return err
	}
	refs, err := d.bases()
	if err != nil {
		return err
	}
	for _, ref := range refs {
		r.changed = true
		if err := r.merge(ctx, d, ref, depth); err != nil {
			return err
		}
	}
	removeEntry(d.root, "base")
	if depth == 0 && r.changed {
		d.CombineMounts()
	}
	return nil
}

// merge merges one base with all bases of its own.
func (r *resolver) merge(ctx context.Context, d *Document, ref reference, depth int) error {
	if _, found := InFolders(ref.locator, r.folders); !found {
		data, isTemplate, err := ref.builtin()
		if err != nil {
			return err
		}
		if isTemplate {
			return d.mergeBuiltin(ref, data)
		}
	}
	base, err := r.load(ctx, d, ref, depth)
	if err != nil {
		return err
	}
	if err := r.resolve(ctx, base, depth+1); err != nil {
		return err
	}
	d.Merge(base)
	return nil
}

// locate returns what to read for a reference in d: a file of the folders, whatever d's origin is,
// or what it names by itself.
func (r *resolver) locate(d *Document, ref reference) (string, error) {
	if file, found := InFolders(ref.locator, r.folders); found {
		return file, nil
	}
	return ref.absolute(d.origin)
}

// load reads the document that a base names.
func (r *resolver) load(ctx context.Context, d *Document, ref reference, depth int) (*Document, error) {
	locator, err := r.locate(d, ref)
	if err != nil {
		return nil, err
	}
	if r.visited[locator] {
		return nil, ref.value.refuse(
			"names %s, which is part of this template already: bases must not form a circle, and each is named once", locator,
		)
	}
	r.visited[locator] = true
	if depth >= maxBaseDepth || len(r.visited) > maxBases {
		return nil, ref.value.refuse("is too much: at most %d templates may build on one another, and %d be merged", maxBaseDepth, maxBases)
	}
	data, err := r.read(ctx, locator)
	if err != nil {
		return nil, ref.cannotRead(locator, err)
	}
	return Parse(data, locator)
}

// files replaces each `file` of a provision or probe, and those of caCerts, by their content.
func (r *resolver) files(ctx context.Context, d *Document) error {
	for _, key := range []string{"provision", "probes"} {
		list := entry(d.root, key)
		if list == nil || list.Kind != yaml.SequenceNode {
			continue
		}
		at := d.rootValue().child(key, list)
		for i, node := range list.Content {
			if err := r.file(ctx, d, at.element(i, node)); err != nil {
				return err
			}
		}
	}
	return r.certFiles(ctx, d)
}

// file replaces the `file` of one element.
func (r *resolver) file(ctx context.Context, d *Document, v value) error {
	node := entry(v.node, "file")
	if node == nil || absent(node) {
		return nil
	}
	ref, err := v.child("file", node).reference()
	if err != nil {
		return err
	}
	into := "script"
	if mode := entry(v.node, "mode"); mode != nil && mode.Value == ModeData {
		into = "content"
	}
	if given := entry(v.node, into); given != nil && !absent(given) {
		return ref.value.refuse("must not be given beside `%s`", into)
	}
	text, err := r.text(ctx, d, ref)
	if err != nil {
		return err
	}
	r.changed = true
	removeEntry(v.node, into)
	removeEntry(v.node, "file")
	v.node.Content = append(v.node.Content, scalar(into, node, 0), scalar(text, node, yaml.LiteralStyle))
	return nil
}

// text reads what a reference names, as text.
func (r *resolver) text(ctx context.Context, d *Document, ref reference) (string, error) {
	if _, found := InFolders(ref.locator, r.folders); !found && strings.HasPrefix(ref.locator, templatePrefix) {
		return "", ref.value.refuse("names a script of Lima's (`%s`), which is not part of rdd: save it to a file and name that", ref.locator)
	}
	locator, err := r.locate(d, ref)
	if err != nil {
		return "", err
	}
	data, err := r.read(ctx, locator)
	if err != nil {
		return "", ref.cannotRead(locator, err)
	}
	if err := checkText(data); err != nil {
		return "", ref.cannotRead(locator, err)
	}
	return string(data), nil
}

// scalar is a text at the position of another node.
func scalar(text string, at *yaml.Node, style yaml.Style) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: style, Line: at.Line, Column: at.Column}
}
