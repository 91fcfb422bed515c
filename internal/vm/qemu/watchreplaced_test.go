// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestReplacedDirectoriesAreSeen: whatever of the path to an instance is moved away and comes back
// is reported when it happens. The interval never passes here.
func TestReplacedDirectoriesAreSeen(t *testing.T) {
	for _, part := range []string{"data", "data/2", "data/2/lima", "link"} {
		t.Run(part, func(t *testing.T) {
			root := t.TempDir()
			home := filepath.Join(root, "link", "lima")
			if err := errors.Join(
				os.MkdirAll(filepath.Join(root, "data", "2", "lima", "x"), 0o700), os.Symlink("data/2", filepath.Join(root, "link")),
			); err != nil {
				t.Fatal(err)
			}
			seen := make(chan string, 100)
			e := New(Config{LimaHome: home, CacheDir: root, Log: slog.New(slog.DiscardHandler)})
			w, err := e.newWatcher(func(name string) { seen <- name })
			if err != nil {
				t.Fatal(err)
			}
			w.interval = time.Hour
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			t.Cleanup(func() { cancel(); <-ended })
			go w.read()
			go func() { w.run(ctx); close(ended) }()
			await(seen, "x") // it is there from the beginning

			path, away := filepath.Join(root, part), filepath.Join(root, "away")
			for range 2 {
				if err := os.Rename(path, away); err != nil {
					t.Fatal(err)
				}
				await(seen, "x")
				if err := os.Rename(away, path); err != nil {
					t.Fatal(err)
				}
				await(seen, "x")
			}
			// It is followed where it is now.
			if err := os.Mkdir(filepath.Join(home, "y"), 0o700); err != nil {
				t.Fatal(err)
			}
			await(seen, "y")
		})
	}
}

// await receives until name comes.
func await(seen <-chan string, name string) {
	for got := range seen {
		if got == name {
			return
		}
	}
}
