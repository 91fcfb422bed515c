// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	// MaxCode is how many columns a line of code may have.
	MaxCode = 140
	// MaxText is how many columns a line of a comment or of documentation may have.
	MaxText = 100
)

// LongLine is a line beyond its limit.
type LongLine struct {
	Path string
	// Line counts from 1.
	Line int
	// Columns that it has, Limit those that it may have.
	Columns, Limit int
}

// String returns "PATH:LINE: N columns, at most M".
func (l LongLine) String() string {
	return fmt.Sprintf("%s:%d: %d columns, at most %d", l.Path, l.Line, l.Columns, l.Limit)
}

// TooLong returns the lines of a file that are beyond their limits. Generated files have none, and
// neither have lines that cannot be divided: URLs, tables, and what is shown as code. It returns an
// error when a Go file cannot be parsed.
func TooLong(f File) ([]LongLine, error) {
	switch f.Kind {
	case Go:
		s, err := parse(f)
		if err != nil {
			return nil, err
		}
		return s.tooLong(), nil
	case Markdown:
		return f.beyond(markdownLimits(f.Lines())), nil
	case Shell:
		return f.beyond(shellLimits(f.Lines())), nil
	default:
		return nil, nil
	}
}

func (s *source) tooLong() []LongLine {
	limits := make([]int, len(s.file.Lines()))
	for i, kind := range s.lines() {
		limits[i] = MaxCode
		if kind == commentLine || kind == licenceLine {
			limits[i] = MaxText
		}
		if line := strings.TrimSpace(s.file.Lines()[i]); isDirective(line) || isIndentedComment(line) {
			limits[i] = 0
		}
	}
	return s.file.beyond(limits)
}

// beyond compares lines with their limits; a limit of 0 is none.
func (f File) beyond(limits []int) []LongLine {
	var long []LongLine
	for i, line := range f.Lines() {
		if n := columns(line); limits[i] > 0 && n > limits[i] && !isURL(line) {
			long = append(long, LongLine{Path: f.Path, Line: i + 1, Columns: n, Limit: limits[i]})
		}
	}
	return long
}

// columns that a line takes: one a character, a tab among them, as the linter lll counts.
func columns(line string) int { return utf8.RuneCountInString(line) }

// directives are comments for programs, which read them as one line.
var directives = regexp.MustCompile(`^//([a-z]+:[^ ]|nolint\b|\+| \+[a-z])`)

func isDirective(line string) bool { return directives.MatchString(line) }

// isIndentedComment reports whether a comment's line is shown as it is: go doc takes it for code.
func isIndentedComment(line string) bool {
	return strings.HasPrefix(line, "//\t")
}

// lonely is a line of nothing but a URL and the marks before it.
var lonely = regexp.MustCompile(`^[\s/#*>-]*(\[[^\]]*\](\(|: ))?<?https?://\S+$`)

func isURL(line string) bool { return lonely.MatchString(line) }

// markdownLimits has none for code fences and tables.
func markdownLimits(lines []string) []int {
	limits := make([]int, len(lines))
	fence := ""
	for i, line := range lines {
		text := strings.TrimSpace(line)
		mark := fenceOf(text)
		switch {
		case fence != "" && strings.HasPrefix(mark, fence):
			fence = ""
		case fence != "":
		case mark != "":
			fence = mark
		case strings.HasPrefix(text, "|"), strings.HasPrefix(line, "    "):
		default:
			limits[i] = MaxText
		}
	}
	return limits
}

// fenceOf returns the mark with which a code fence begins or ends.
func fenceOf(text string) string {
	for _, mark := range []string{"```", "~~~"} {
		if strings.HasPrefix(text, mark) {
			return mark
		}
	}
	return ""
}

func shellLimits(lines []string) []int {
	limits := make([]int, len(lines))
	for i, line := range lines {
		limits[i] = MaxCode
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			limits[i] = MaxText
		}
	}
	return limits
}
