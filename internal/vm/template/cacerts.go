// SPDX-License-Identifier: Apache-2.0

package template

import (
	"context"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// CACerts changes which authorities the guest's programs trust for TLS.
type CACerts struct {
	// RemoveDefaults leaves out those that the guest's distribution trusts.
	RemoveDefaults bool `yaml:"removeDefaults,omitempty"`
	// Certs are in PEM, one or more in each text.
	Certs []string `yaml:"certs,omitempty"`
}

// pemCertificate is the type of a block that holds a certificate (RFC 7468).
const pemCertificate = "CERTIFICATE"

func (c *CACerts) decode(v value) error {
	err := mapping(fields{
		"removeDefaults": boolean(&c.RemoveDefaults),
		"certs":          textList(&c.Certs),
		"files": func(v value) error {
			var files []string
			if err := textList(&files)(v); err != nil || len(files) == 0 {
				return err
			}
			return unresolvedFile(v)
		},
	})(v)
	if len(c.Certs) == 0 {
		c.Certs = nil
	}
	return err
}

func (t *Template) validateCACerts() error {
	for i, text := range t.CACerts.Certs {
		if _, err := certificates(fmt.Sprintf("caCerts.certs[%d]", i), text); err != nil {
			return err
		}
	}
	return nil
}

// Certificates are the certificates of Certs, each once and as one block of PEM without anything
// around it.
func (c CACerts) Certificates() []string {
	var all []string
	for _, text := range c.Certs {
		blocks, err := certificates("", text)
		if err != nil {
			continue // no valid template has that
		}
		for _, block := range blocks {
			if !slices.Contains(all, block) {
				all = append(all, block)
			}
		}
	}
	return all
}

// certificates returns the blocks of PEM in a text, which must be certificates.
func certificates(field, text string) (blocks []string, err error) {
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != pemCertificate || len(block.Bytes) == 0 {
			return nil, invalid(field, "must hold certificates only; got a block of the type `%s`", shorten(block.Type))
		}
		blocks = append(blocks, string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})))
	}
	if len(blocks) == 0 || strings.Contains(string(rest), "-----BEGIN") || strings.Count(text, "-----BEGIN") != len(blocks) {
		return nil, invalid(field, "must be certificates in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----")
	}
	return blocks, nil
}

// certFiles replaces the files of caCerts by their content, which follows the certificates there.
func (r *resolver) certFiles(ctx context.Context, d *Document) error {
	certs := entry(d.root, "caCerts")
	list := entry(certs, "files")
	if list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return nil
	}
	at := d.rootValue().child("caCerts", certs).child("files", list)
	into := entry(certs, "certs")
	if into == nil || into.Kind != yaml.SequenceNode {
		removeEntry(certs, "certs")
		into = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: list.Line, Column: list.Column}
		certs.Content = append(certs.Content, scalar("certs", list, 0), into)
	}
	for i, node := range list.Content {
		ref, err := at.element(i, node).reference()
		if err != nil {
			return err
		}
		text, err := r.text(ctx, d, ref)
		if err != nil {
			return err
		}
		into.Content = append(into.Content, scalar(text, node, yaml.LiteralStyle))
	}
	removeEntry(certs, "files")
	r.changed = true
	return nil
}
