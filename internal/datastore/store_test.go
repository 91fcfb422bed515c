// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	store, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func mustClose(t *testing.T, store *Store) {
	t.Helper()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func etcd(t *testing.T, store *Store) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{"http://store"}, DialTimeout: 5 * time.Second,
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return store.Dial(ctx, "", address)
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func put(t *testing.T, client *clientv3.Client, key, value string) {
	t.Helper()
	if err := create(t.Context(), client, key, value); err != nil {
		t.Fatal(err)
	}
}

func create(ctx context.Context, client *clientv3.Client, key, value string) error {
	absent := clientv3.Compare(clientv3.ModRevision(key), "=", 0)
	response, err := client.Txn(ctx).If(absent).Then(clientv3.OpPut(key, value)).Commit()
	if err != nil || !response.Succeeded {
		return fmt.Errorf("creating %s: %w", key, err)
	}
	return nil
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a directory with % # and ? signs", "store.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	store := open(t, path)
	put(t, etcd(t, store), "/key", "value")
	if _, err := os.Stat(markerPath(path)); err != nil {
		t.Errorf("an open store has no marker: %v", err)
	}
	mustClose(t, store)
	if _, err := os.Stat(markerPath(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a closed store has a marker: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("the store's file is %v: %v", info, err)
	}
	store = open(t, path)
	defer mustClose(t, store)
	response, err := etcd(t, store).Get(t.Context(), "/key")
	if err != nil || len(response.Kvs) != 1 || string(response.Kvs[0].Value) != "value" {
		t.Errorf("found %v: %v", response, err)
	}
}

// TestDurability reads back on live connections, not from a configuration, that a commit waits for
// the disk.
func TestDurability(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "store.db"))
	defer mustClose(t, store)
	put(t, etcd(t, store), "/key", "value")
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "busy_timeout": "30000"} {
		values, err := store.Pragma(t.Context(), pragma, 12)
		if err != nil || len(values) != 12 {
			t.Fatalf("reading %s: %v", pragma, err)
		}
		for _, value := range values {
			if value != want {
				t.Errorf("%s is %s on a live connection, want %s", pragma, value, want)
			}
		}
	}
}

// damage makes a store with some content, stops it, and overwrites part of its file.
func damage(t *testing.T, offset int64, garbage []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	store := open(t, path)
	client := etcd(t, store)
	for i := range 200 {
		put(t, client, fmt.Sprintf("/key-%d", i), strings.Repeat("value", 50))
	}
	mustClose(t, store)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(garbage, offset); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNoStore(t *testing.T) {
	path := damage(t, 0, []byte("this is no database at all, but a text"))
	_, err := Open(path)
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Fatalf("a text file was opened as a store: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(data, []byte("this is no database")) {
		t.Errorf("the damaged file was changed: %v", err)
	}
}

// TestUncleanStop damages pages in the middle, which opening alone does not notice: only after an
// unclean stop is the whole file read.
func TestUncleanStop(t *testing.T) {
	path := damage(t, 5*4096, bytes.Repeat([]byte{0xa5}, 3*4096))
	if err := mark(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrDamaged) {
		t.Fatalf("a damaged store was opened after an unclean stop: %v", err)
	}
}

func TestUncleanStopOfSoundStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	mustClose(t, open(t, path))
	if err := mark(path); err != nil {
		t.Fatal(err)
	}
	mustClose(t, open(t, path))
}

// killedWrites in the environment is how many acknowledged writes TestKill looks for, at least; the
// long run asks for 10,000.
const killedWrites = "RDD_TEST_KILLED_WRITES"

// killedWriter in the environment makes this test binary a process that writes to the store it
// names until it is killed.
const killedWriter = "RDD_TEST_KILLED_WRITER"

func TestMain(m *testing.M) {
	path := os.Getenv(killedWriter)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := writeForever(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writeForever prints each key once its write was acknowledged.
func writeForever(path string) error {
	store, err := Open(path)
	if err != nil {
		return err
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{"http://store"},
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return store.Dial(ctx, "", address)
		})},
	})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		key := fmt.Sprintf("/key-%d-%d", os.Getpid(), i)
		if err := create(context.Background(), client, key, "value"); err != nil {
			return err
		}
		fmt.Println(key)
	}
}

// TestKill ends a writing process with SIGKILL and looks for everything that was acknowledged to
// it.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	rounds, enough := 3, 60
	if text := os.Getenv(killedWrites); text != "" {
		total, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", killedWrites, err)
		}
		rounds, enough = 20, total/20
	}
	var kept []string
	for range rounds {
		kept = append(kept, killWriter(t, path, enough)...)
		store := open(t, path)
		client := etcd(t, store)
		for _, key := range kept {
			response, err := client.Get(t.Context(), key)
			if err != nil || len(response.Kvs) != 1 {
				t.Fatalf("%s, one of %d acknowledged writes, is lost: %v", key, len(kept), err)
			}
		}
		mustClose(t, store)
	}
	t.Logf("killed %d times, %d acknowledged writes kept", rounds, len(kept))
}

// killWriter runs a writer until it has printed enough keys, kills it and returns all that it
// printed.
func killWriter(t *testing.T, path string, enough int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedWriter+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		keys = append(keys, lines.Text())
		if len(keys) == enough {
			_ = cmd.Process.Kill() // it may have ended already; then there are no more lines
		}
	}
	_ = cmd.Wait() // killed
	if len(keys) < enough {
		t.Fatalf("the writer ended after %d writes", len(keys))
	}
	return keys
}
