// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rancherdesktop.io/rdd/internal/apiserver/rows"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/test/apitest"
)

// TestRows: every row that a server has written passes, a damaged one is named, and a server starts
// when it was set aside.
func TestRows(t *testing.T) {
	dir := apitest.Dir(t)
	path := filepath.Join(dir, "store.db")
	t.Run("first", func(t *testing.T) {
		b := newBare(t, apitest.StartIn(t, dir, noRules))
		for _, name := range []string{"kept", "rotten"} {
			object := someConfigMap(name)
			object.Finalizers = nil
			_, err := b.kube.CoreV1().ConfigMaps("default").Create(t.Context(), object, metav1.CreateOptions{})
			b.must(err)
		}
	})
	const key = "/registry/configmaps/default/rotten"
	verify := func() error {
		store, err := datastore.OpenWith(path, datastore.Options{Check: rows.Check})
		if err != nil {
			t.Fatal(err)
		}
		return errors.Join(store.Verify(t.Context()), store.Close())
	}
	if err := verify(); err != nil {
		t.Fatalf("a server's own rows: %v", err)
	}
	execOn(t, path, "UPDATE kine SET value = substr(value, 1, length(value) - 20) WHERE name = '"+key+"'")
	var bad *datastore.BadRowsError
	if err := verify(); !errors.As(err, &bad) || len(bad.Rows) != 1 || bad.Rows[0].Key != key {
		t.Fatalf("the damaged row: %v", err)
	}
	if err := datastore.Quarantine(t.Context(), path, key, time.Now()); err != nil {
		t.Fatal(err)
	}
	b := newBare(t, apitest.StartIn(t, dir, noRules))
	maps := b.kube.CoreV1().ConfigMaps("default")
	if _, err := maps.Get(t.Context(), "rotten", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("reading what was set aside: %v", err)
	}
	_, err := maps.Get(t.Context(), "kept", metav1.GetOptions{})
	b.must(err)
	_, err = maps.Create(t.Context(), someConfigMap("rotten"), metav1.CreateOptions{})
	b.must(err)
}

// TestPlainRows are those of a version without checksums: they are served, and get one when they
// are written.
func TestPlainRows(t *testing.T) {
	dir := apitest.Dir(t)
	path := filepath.Join(dir, "store.db")
	t.Run("first", func(t *testing.T) {
		b := newBare(t, apitest.StartIn(t, dir, noRules))
		_, err := b.kube.CoreV1().ConfigMaps("default").Create(t.Context(), someConfigMap("plain"), metav1.CreateOptions{})
		b.must(err)
	})
	// The prefix has 9 bytes, the checksum 16.
	execOn(t, path, "UPDATE kine SET value = substr(value, 26) WHERE substr(value, 1, 9) = CAST('rdd:sum1:' AS BLOB)")
	b := newBare(t, apitest.StartIn(t, dir, noRules))
	maps := b.kube.CoreV1().ConfigMaps("default")
	plain, err := maps.Get(t.Context(), "plain", metav1.GetOptions{})
	b.must(err)
	if plain.Data["key"] == "" {
		t.Errorf("found %v", plain.Data)
	}
	if err := b.server.Store().Verify(t.Context()); err != nil {
		t.Error(err)
	}
	plain.Data["key"] = "new"
	_, err = maps.Update(t.Context(), plain, metav1.UpdateOptions{})
	b.must(err)
}
