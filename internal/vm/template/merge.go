// SPDX-License-Identifier: Apache-2.0

package template

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
	utilversion "k8s.io/apimachinery/pkg/util/version"
)

// prepended are the lists in which the base's elements come first, so that a template's scripts
// find what its base's have prepared.
var prepended = []string{"provision", "probes"}

// Merge adds to d what base has and d does not, by Lima's rules. A value of d wins, null included.
// Mappings are merged key by key. To a list of d the base's is appended, but the base's provision
// and probes come before d's own. dns is not merged, mountTypesUnsupported is a set, and of minimum
// versions the higher one counts. The base's own `base` must be resolved before.
//
// CombineMounts is to be called after the last base.
func (d *Document) Merge(base *Document) {
	d.note(base)
	mergeMinimum(d.root, base.root, "minimumLimaVersion")
	mergeMinimum(child(d.root, "vmOpts", "qemu"), child(base.root, "vmOpts", "qemu"), "minimumVersion")
	mergeMapping(d.root, base.root, true)
}

// note records the origins of the nodes of base.
func (d *Document) note(base *Document) {
	maps.Copy(d.origins, base.origins)
	noteOrigins(base.root, base.origin, d.origins)
}

func noteOrigins(node *yaml.Node, origin string, into map[*yaml.Node]string) {
	if _, known := into[node]; !known {
		into[node] = origin
	}
	for _, child := range node.Content {
		noteOrigins(child, origin, into)
	}
}

// entry returns the value of a mapping's key, nil when there is none.
func entry(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// child follows keys from a mapping; nil when one of them is not there.
func child(node *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		node = entry(node, key)
	}
	return node
}

// mergeMinimum keeps the higher of two versions. A value that is no version is refused later by
// validation.
func mergeMinimum(upper, base *yaml.Node, key string) {
	own, theirs := entry(upper, key), entry(base, key)
	if own == nil || theirs == nil {
		return
	}
	ownVersion, ownErr := utilversion.ParseGeneric(own.Value)
	theirVersion, theirErr := utilversion.ParseGeneric(theirs.Value)
	if ownErr == nil && theirErr == nil && ownVersion.LessThan(theirVersion) {
		setEntry(upper, key, theirs)
	}
}

// setEntry replaces the value of an existing key.
func setEntry(mapping *yaml.Node, key string, to *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = to
		}
	}
}

// mergeMapping merges base into upper; root says that both are whole documents.
func mergeMapping(upper, base *yaml.Node, root bool) {
	own := make(map[string]*yaml.Node, len(upper.Content)/2)
	for i := 0; i+1 < len(upper.Content); i += 2 {
		own[upper.Content[i].Value] = upper.Content[i+1]
	}
	for i := 0; i+1 < len(base.Content); i += 2 {
		key, theirs := base.Content[i], base.Content[i+1]
		mine, given := own[key.Value]
		switch {
		case !given:
			upper.Content = append(upper.Content, key, theirs)
		case mine.Kind == yaml.MappingNode && theirs.Kind == yaml.MappingNode:
			mergeMapping(mine, theirs, false)
		case mine.Kind == yaml.SequenceNode && theirs.Kind == yaml.SequenceNode:
			mergeList(mine, theirs, key.Value, root)
		}
	}
}

// mergeList merges base into upper by the rules of the key.
func mergeList(upper, base *yaml.Node, key string, root bool) {
	switch {
	case root && key == "dns" && len(upper.Content) > 0:
	case root && slices.Contains(prepended, key):
		upper.Content = slices.Concat(base.Content, upper.Content)
	default:
		upper.Content = slices.Concat(upper.Content, base.Content)
	}
	if root && key == "mountTypesUnsupported" {
		upper.Content = unique(upper.Content)
	}
}

// unique keeps the first of each value.
func unique(nodes []*yaml.Node) []*yaml.Node {
	seen := map[string]bool{}
	return slices.DeleteFunc(nodes, func(node *yaml.Node) bool {
		again := seen[node.Value]
		seen[node.Value] = true
		return again
	})
}

// everyMount is Lima's mount point for "all the mounts above".
const everyMount = "*"

// CombineMounts combines the mounts that share a mount point, as Lima does after merging: the first
// stays and gets from the others the fields that it lacks. One with the mount point `*` gives its
// fields to all mounts before it.
func (d *Document) CombineMounts() {
	list := entry(d.root, "mounts")
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	var kept []*yaml.Node
	first := map[string]*yaml.Node{}
	for _, mount := range list.Content {
		point := mountPoint(mount)
		switch {
		case point == everyMount:
			for _, other := range kept {
				complete(other, mount)
			}
		case point != "" && first[point] != nil:
			complete(first[point], mount)
		default:
			first[point] = mount
			kept = append(kept, mount)
		}
	}
	list.Content = kept
}

// mountPoint identifies a mount; empty when it has no readable one, which validation refuses.
func mountPoint(mount *yaml.Node) string {
	for _, key := range []string{"mountPoint", "location"} {
		if node := entry(mount, key); node != nil && node.Kind == yaml.ScalarNode && !absent(node) {
			return node.Value
		}
	}
	return ""
}

// complete adds to a mapping the entries of another that it lacks or that are null. Its location
// and mountPoint identify it and stay.
func complete(mapping, other *yaml.Node) {
	if mapping.Kind != yaml.MappingNode || other.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(other.Content); i += 2 {
		key, theirs := other.Content[i], other.Content[i+1]
		mine := entry(mapping, key.Value)
		switch {
		case key.Value == "location" || theirs.Value == everyMount:
		case mine == nil:
			mapping.Content = append(mapping.Content, key, theirs)
		case absent(mine):
			setEntry(mapping, key.Value, theirs)
		default:
			complete(mine, theirs)
		}
	}
}
