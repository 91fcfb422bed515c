// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/vm"
)

// Debian's own mirror network, for hosts whose apt sources name no Debian archive.
const (
	defaultMirror   = "http://deb.debian.org/debian"
	defaultSecurity = "http://deb.debian.org/debian-security"
)

// mirror holds the URLs of the archives that packages come from.
type mirror struct {
	archive, security string
}

// sources returns the one-line apt sources of a suite.
func (m mirror) sources(suite string) []string {
	return []string{
		"deb " + m.archive + " " + suite + " main",
		"deb " + m.archive + " " + suite + "-updates main",
		"deb " + m.security + " " + suite + "-security main",
	}
}

// explicitMirror makes a mirror of the archive's URL that a user gave. The security archive is
// beside it where the URL ends as those of Debian's mirrors do; otherwise it is Debian's own.
func explicitMirror(archive string) (mirror, error) {
	archive = strings.TrimRight(archive, "/")
	u, err := url.Parse(archive)
	// A space would end the URL in the one-line format that apt gets it in.
	known := err == nil && slices.Contains([]string{"http", "https", "file"}, u.Scheme) && u.Host+u.Path != ""
	if !known || strings.ContainsAny(archive, " \t\n[]") {
		return mirror{}, fmt.Errorf("the mirror %q is not an http, https or file URL of a Debian archive", vm.Redacted(archive))
	}
	security := defaultSecurity
	if strings.HasSuffix(archive, "/debian") {
		security = archive + "-security"
	}
	return mirror{archive: archive, security: security}, nil
}

// hostMirror finds the mirror in the host's apt configuration below dir (/etc/apt).
func hostMirror(dir string) (mirror, error) {
	found := mirror{}
	files, err := sourceFiles(dir)
	if err != nil {
		return found, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return found, fmt.Errorf("reading the host's apt sources: %w", err)
		}
		for _, source := range parseSources(file, string(data)) {
			found.take(source)
		}
	}
	return found.orDefault(), nil
}

// orDefault completes what was not found with Debian's own archives.
func (m *mirror) orDefault() mirror {
	if m.archive == "" {
		return mirror{archive: defaultMirror, security: defaultSecurity}
	}
	if m.security == "" {
		m.security = defaultSecurity
	}
	return *m
}

func sourceFiles(dir string) ([]string, error) {
	files := []string{filepath.Join(dir, "sources.list")}
	entries, err := os.ReadDir(filepath.Join(dir, "sources.list.d"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the host's apt sources: %w", err)
	}
	for _, entry := range entries {
		files = append(files, filepath.Join(dir, "sources.list.d", entry.Name()))
	}
	return files, nil
}

// source is one archive that apt uses.
type source struct {
	uri    string
	suites []string
}

// debianSuites are the releases by which a Debian archive is recognised, whatever the name of its
// host. Ubuntu and third parties have other suites.
var debianSuites = []string{"bullseye", "bookworm", "trixie", "forky", "duke", "sid", "oldstable", "stable", "testing", "unstable"}

// take stores a source if it is the first archive, or the first security archive, of Debian.
func (m *mirror) take(s source) {
	uri := strings.TrimRight(s.uri, "/")
	if u, err := url.Parse(uri); err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return
	}
	for _, suite := range s.suites {
		release, rest, _ := strings.Cut(strings.Trim(suite, "/"), "-")
		switch {
		case !slices.Contains(debianSuites, release):
		case rest == "security" || strings.HasSuffix(suite, "/updates"):
			setOnce(&m.security, uri)
		case rest == "" && !strings.Contains(suite, "/"):
			setOnce(&m.archive, uri)
		}
	}
}

func setOnce(target *string, value string) {
	if *target == "" {
		*target = value
	}
}

// parseSources reads a file of apt sources: deb822 stanzas (*.sources) or one-line entries
// (*.list).
func parseSources(name, text string) []source {
	switch filepath.Ext(name) {
	case ".sources":
		return parseDeb822(text)
	case ".list":
		return parseOneLine(text)
	}
	return nil
}

// parseOneLine reads `deb [options] URI SUITE COMPONENT…` lines (sources.list(5)).
func parseOneLine(text string) []source {
	var found []source
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if before, after, ok := strings.Cut(line, "["); ok {
			_, after, _ = strings.Cut(after, "]")
			line = before + " " + after
		}
		fields := strings.Fields(line)
		if len(fields) >= 3 && fields[0] == "deb" {
			found = append(found, source{uri: fields[1], suites: fields[2:3]})
		}
	}
	return found
}

// parseDeb822 reads stanzas of fields with continuation lines and comments (deb822(5)).
func parseDeb822(text string) []source {
	var found []source
	stanza := map[string][]string{}
	field := ""
	flush := func() {
		found = append(found, stanzaSources(stanza)...)
		stanza, field = map[string][]string{}, ""
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case strings.TrimSpace(line) == "":
			flush()
			continue
		case line[0] != ' ' && line[0] != '\t':
			field, line, _ = strings.Cut(line, ":")
			field = strings.ToLower(field)
		}
		stanza[field] = append(stanza[field], strings.Fields(line)...)
	}
	flush()
	return found
}

func stanzaSources(stanza map[string][]string) []source {
	if !slices.Contains(stanza["types"], "deb") || slices.Contains(stanza["enabled"], "no") {
		return nil
	}
	var found []source
	for _, uri := range stanza["uris"] {
		found = append(found, source{uri: uri, suites: stanza["suites"]})
	}
	return found
}
