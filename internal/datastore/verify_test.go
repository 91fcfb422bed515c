// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/datastore/checksum"
)

// summed wants a checksum of every key below /sum/.
func summed(key string, value []byte) error {
	_, summed, err := checksum.Remove(key, value)
	if err == nil && !summed && strings.HasPrefix(key, "/sum/") {
		return errors.New("it has none")
	}
	return err
}

// rotten makes a closed store with keys, the value of one of which has lost its end.
func rotten(t *testing.T, keys int, bad string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	store := open(t, path)
	client := etcd(t, store)
	for i := range keys {
		key := fmt.Sprintf("/sum/%04d", i)
		put(t, client, key, string(checksum.Add(key, []byte("value"))))
	}
	mustClose(t, store)
	exec(t, path, "UPDATE kine SET value = substr(value, 1, length(value) - 1) WHERE name = '"+bad+"'")
	return path
}

func openChecked(t *testing.T, path string) *Store {
	t.Helper()
	store, err := OpenWith(path, Options{Check: summed})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// TestVerify names the row, in the error and in Health, and no backup of it takes the place of a
// good one.
func TestVerify(t *testing.T) {
	store := openChecked(t, rotten(t, 20, "/sum/0017"))
	defer mustClose(t, store)
	err := store.Verify(t.Context())
	var bad *BadRowsError
	if !errors.As(err, &bad) || !errors.Is(err, ErrBadRow) || len(bad.Rows) != 1 || bad.Rows[0].Key != "/sum/0017" {
		t.Fatalf("found %v", err)
	}
	for _, want := range []string{"/sum/0017", "rdd service restore", "rdd service repair --quarantine"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	if health := store.Health(); len(health.Bad) != 1 || health.Bad[0].Revision == 0 {
		t.Errorf("the health is %+v", health)
	}
	if err := store.Backup(t.Context(), noon); !errors.Is(err, ErrBadRow) || errors.Is(err, ErrDamaged) {
		t.Errorf("backing up ended with %v", err)
	}
}

func TestVerifyManyRows(t *testing.T) {
	path := rotten(t, 1, "/none")
	exec(t, path, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO kine (name, created, deleted, create_revision, prev_revision, lease, value)
		SELECT printf('/sum/x%%06d', i), 1, 0, 0, 0, 0, 'plain' FROM n`, 2*verifyBatch))
	store := openChecked(t, path)
	defer mustClose(t, store)
	var bad *BadRowsError
	if err := store.Verify(t.Context()); !errors.As(err, &bad) || len(bad.Rows) != 2*verifyBatch || len(err.Error()) > 1000 {
		t.Errorf("found %d rows: %v", len(bad.Rows), err)
	}
}

// TestKeepVerified finds what goes bad while the store is used.
func TestKeepVerified(t *testing.T) {
	path := rotten(t, 2, "/none")
	store := openChecked(t, path)
	defer mustClose(t, store)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := store.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	exec(t, path, "UPDATE kine SET value = 'rot' WHERE name = '/sum/0001'")
	reported := make(chan error, 1)
	go store.KeepVerified(ctx, 0, time.Hour, func(err error) { reported <- err })
	if err := <-reported; !errors.Is(err, ErrBadRow) || !strings.Contains(err.Error(), "/sum/0001") {
		t.Errorf("reported %v", err)
	}
}

// TestQuarantine sets a row aside, keeps it, and leaves a store that goes on: the key can be made
// again, and revisions grow.
func TestQuarantine(t *testing.T) {
	path := rotten(t, 3, "/sum/0002")
	if err := Quarantine(t.Context(), path, "/sum/none", noon); !errors.Is(err, ErrNoRow) {
		t.Errorf("setting aside what is not there: %v", err)
	}
	if err := Quarantine(t.Context(), path, "/sum/0002", noon); err != nil {
		t.Fatal(err)
	}
	if err := Quarantine(t.Context(), path, "/sum/0002", noon); !errors.Is(err, ErrNoRow) {
		t.Errorf("setting aside what was set aside: %v", err)
	}
	store := openChecked(t, path)
	if err := store.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	client := etcd(t, store)
	if value, _ := get(t, client, "/sum/0002"); value != "" {
		t.Errorf("it is still served: %q", value)
	}
	_, before := get(t, client, "/sum/0001")
	put(t, client, "/sum/0002", string(checksum.Add("/sum/0002", []byte("again"))))
	if _, after := get(t, client, "/sum/0002"); after <= before+2 {
		t.Errorf("it was made again at %d, the revision before was %d", after, before)
	}
	mustBackUp(t, store, noon)
	mustClose(t, store)
	db, err := sql.Open(driverName, sourceName(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var value string
	if err := db.QueryRowContext(t.Context(), "SELECT value FROM "+QuarantineTable+" WHERE name = '/sum/0002'").Scan(&value); err != nil ||
		!strings.HasSuffix(value, "valu") {
		t.Errorf("kept %q, %v", value, err)
	}
}

// BenchmarkVerify reads 5,000 rows of 2 KiB.
func BenchmarkVerify(b *testing.B) {
	const rows = 5000
	path := filepath.Join(b.TempDir(), "store.db")
	store, err := OpenWith(path, Options{Check: summed})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	tx, err := store.db.BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := range rows {
		key := fmt.Sprintf("/sum/%d", i)
		_, err := tx.ExecContext(b.Context(), `INSERT INTO kine
			(name, created, deleted, create_revision, prev_revision, lease, value) VALUES (?, 1, 0, 0, 0, 0, ?)`,
			key, checksum.Add(key, make([]byte, 2048)))
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := store.Verify(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/rows, "µs/row")
}
