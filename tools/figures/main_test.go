// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/tools/figures/measure"
)

func smallTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.go"), []byte("package a\n\nfunc f() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, smallTree(t), "table"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"function lines, p50 / p95 / max                1 / 1 / 1\n",
		"packages without a doc comment                 .\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, smallTree(t), "json"); err != nil {
		t.Fatal(err)
	}
	var got measure.Figures
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.FunctionMax != 1 || got.CodeLines != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	if err := run(&bytes.Buffer{}, smallTree(t), "xml"); err == nil {
		t.Error("no error for an unknown format")
	}
	if err := run(&bytes.Buffer{}, filepath.Join(t.TempDir(), "none"), "json"); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
