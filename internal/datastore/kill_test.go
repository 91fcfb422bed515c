// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

// killedWrites in the environment is how many acknowledged writes TestKill looks for, at least; the
// long run asks for 10,000.
const killedWrites = "RDD_TEST_KILLED_WRITES"

// killedWriter in the environment makes this test binary a process that writes to the store it
// names until it is killed.
const killedWriter = "RDD_TEST_KILLED_WRITER"

func TestMain(m *testing.M) {
	for name, do := range map[string]func(string) error{killedWriter: writeForever, storeLife: live} {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		if err := do(value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// writeForever prints each key once its write was acknowledged.
func writeForever(path string) error {
	store, err := Open(path)
	if err != nil {
		return err
	}
	client, err := connect(store)
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

// connect returns a client of a store, outside of tests.
func connect(store *Store) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints: []string{"http://store"},
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return store.Dial(ctx, "", address)
		})},
	})
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
	cmd := osexec.Command(os.Args[0])
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
