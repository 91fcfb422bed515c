// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// currentKey is the key in docker's config.json that names the current context.
const currentKey = "currentContext"

// document is the text of a config.json with the offsets of its members. It is changed by replacing
// bytes, so that the rest stays what its owner wrote.
type document struct {
	text    []byte
	open    int // offset after the opening brace
	shut    int // offset of the closing brace
	members []member
	current int // the index of currentContext in members; -1: there is none
	name    string
}

// member holds the offsets of one member of the object, from its key to the end of its value.
type member struct{ key, colon, value, end int }

// parse finds the members of a config.json.
func parse(text []byte) (document, error) {
	d := document{text: text, current: -1}
	tokens := json.NewDecoder(bytes.NewReader(text))
	first, err := tokens.Token()
	switch {
	case err != nil:
		return d, place(text, tokens.InputOffset(), err)
	case first != json.Delim('{'):
		return d, errors.New("it holds no JSON object")
	}
	d.open = int(tokens.InputOffset())
	for at := d.open; tokens.More(); {
		if err := d.readMember(tokens, at); err != nil {
			return d, err
		}
		at = d.members[len(d.members)-1].end
	}
	if _, err := tokens.Token(); err != nil {
		return d, place(text, tokens.InputOffset(), err)
	}
	d.shut = int(tokens.InputOffset()) - 1
	if _, err := tokens.Token(); !errors.Is(err, io.EOF) {
		return d, place(text, int64(d.shut+1), errors.New("something follows the JSON object"))
	}
	return d, nil
}

// readMember reads the next member; at is the offset after the one before it.
func (d *document) readMember(tokens *json.Decoder, at int) error {
	key, err := tokens.Token()
	if err != nil {
		return place(d.text, tokens.InputOffset(), err)
	}
	m := member{key: at + bytes.IndexByte(d.text[at:], '"'), colon: int(tokens.InputOffset())}
	var value json.RawMessage
	if err := tokens.Decode(&value); err != nil {
		return place(d.text, tokens.InputOffset(), err)
	}
	m.end = int(tokens.InputOffset())
	m.value = m.end - len(value)
	d.members = append(d.members, m)
	// Docker's reader ignores case, and takes the last of several members with one key.
	if name, ok := key.(string); !ok || !strings.EqualFold(name, currentKey) {
		return nil
	}
	if d.current >= 0 {
		return place(d.text, int64(m.key), fmt.Errorf("the key %q is there twice", currentKey))
	}
	d.current = len(d.members) - 1
	if err := json.Unmarshal(value, &d.name); err != nil {
		return place(d.text, int64(m.value), fmt.Errorf("the value of %q is no string", currentKey))
	}
	return nil
}

// place adds the line and column of an error to its text.
func place(text []byte, offset int64, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	before := text[:min(int(offset), len(text))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("line %d, column %d: %w", line, column, err)
}

// raw is the value of currentContext as JSON text; empty when there is none.
func (d document) raw() string {
	if d.current < 0 {
		return ""
	}
	m := d.members[d.current]
	return string(d.text[m.value:m.end])
}

// with returns the text with raw, which is JSON, as the value of currentContext. An empty raw
// removes the member. Adding a member and removing it again gives back the same bytes.
func (d document) with(raw string) []byte {
	switch {
	case d.current >= 0 && raw == "":
		return d.without()
	case d.current >= 0:
		m := d.members[d.current]
		return splice(d.text, m.value, m.end, raw)
	case raw == "":
		return d.text
	case len(d.members) == 0:
		return splice(d.text, d.open, d.open, d.indent()+strconv.Quote(currentKey)+": "+raw)
	default:
		first, last := d.members[0], d.members[len(d.members)-1]
		return splice(d.text, last.end, last.end,
			","+string(d.text[d.open:first.key])+strconv.Quote(currentKey)+string(d.text[last.colon:last.value])+raw)
	}
}

// without removes the member with the comma before it, or after it when it is the first.
func (d document) without() []byte {
	m := d.members[d.current]
	switch {
	case d.current > 0:
		return splice(d.text, d.members[d.current-1].end, m.end, "")
	case len(d.members) > 1:
		return splice(d.text, m.key, d.members[1].key, "")
	default:
		return splice(d.text, d.open, m.end, "")
	}
}

// indent is the space before a first member: a new line and a tab if the closing brace has a line
// of its own.
func (d document) indent() string {
	gap := string(d.text[d.open:d.shut])
	end := strings.IndexByte(gap, '\n')
	if end < 0 {
		return ""
	}
	return gap[:end+1] + "\t"
}

func splice(text []byte, from, to int, with string) []byte {
	return slices.Concat(text[:from], []byte(with), text[to:])
}

// isEmpty reports whether the text is an object without members.
func (d document) isEmpty() bool { return len(d.members) == 0 }
