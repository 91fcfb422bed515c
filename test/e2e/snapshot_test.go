// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// snapshot is the state of a world: one line for each process, instance, API object and host file.
type snapshot []string

// snapshot lists everything but the image cache, which is outside HOME, and logs: log files and
// Events.
func (w *world) snapshot() snapshot {
	w.t.Helper()
	objects := w.objects() // first: it fills kubectl's cache, which is a host file
	var s snapshot
	for _, p := range processesOf(w.t, w.home) {
		leader := "member"
		if p.session == p.id.PID {
			leader = "leader"
		}
		s = append(s, fmt.Sprintf("process (session %s): %s", leader, p.role()))
	}
	entries, err := os.ReadDir(w.inst.LimaHome())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, entry := range entries {
		s = append(s, "instance: "+entry.Name())
	}
	s = append(append(s, objects...), w.files()...)
	slices.Sort(s)
	return s
}

// objects lists all API objects of all kinds.
func (w *world) objects() []string {
	w.t.Helper()
	kinds := slices.DeleteFunc(strings.Fields(w.rdd("ctl", "api-resources", "--verbs=list", "-o", "name")), func(kind string) bool {
		return kind == "events" || strings.HasPrefix(kind, "events.")
	})
	if len(kinds) < 5 {
		w.t.Fatalf("the API has only %v", kinds)
	}
	list := w.rdd(
		"ctl", "get", strings.Join(kinds, ","), "-A", "-o",
		"jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{\"\\n\"}{end}",
	)
	var objects []string
	for line := range strings.Lines(list) {
		objects = append(objects, "object: "+strings.TrimSpace(line))
	}
	return objects
}

// files lists the files below HOME. Logs, and what the daemon makes by the clock (backups of its
// store, and the room it keeps for it), are left out.
func (w *world) files() []string {
	w.t.Helper()
	var files []string
	logs, service := w.real(w.inst.LogDir), w.real(w.inst.Dir)
	err := filepath.WalkDir(w.home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == logs || path == filepath.Join(service, "backups") {
			return firstOf(err, fs.SkipDir)
		}
		if path == filepath.Join(service, filepath.Base(w.inst.StoreFile()+".reserve")) {
			return nil
		}
		name, err := filepath.Rel(w.home, path)
		files = append(files, fmt.Sprintf("file: %s %s", entry.Type(), name))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

// real is the directory that the instance's link at path leads to. WalkDir does not follow links.
func (w *world) real(path string) string {
	w.t.Helper()
	target, err := os.Readlink(path)
	if err != nil {
		w.t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(path), target)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// difference says what was added and what is missing.
func (s snapshot) difference(after snapshot) []string {
	var lines []string
	for _, line := range after {
		if !slices.Contains(s, line) {
			lines = append(lines, "new: "+line)
		}
	}
	for _, line := range s {
		if !slices.Contains(after, line) {
			lines = append(lines, "missing: "+line)
		}
	}
	return lines
}
