// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// someConfigMap has 5 kB and a finalizer.
func someConfigMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Finalizers: []string{"example.com/held"}},
		Data:       map[string]string{"key": strings.Repeat("v", 5000)},
	}
}

// execOn changes the file of a store that is not open.
func execOn(t *testing.T, path, statement string) {
	t.Helper()
	driver := "sqlite" // the pure Go driver, else the C one
	if !slices.Contains(sql.Drivers(), driver) {
		driver = "sqlite3"
	}
	db, err := sql.Open(driver, "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
