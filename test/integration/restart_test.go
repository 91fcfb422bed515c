// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/test/apitest"
)

func noRules(func(string) *rest.Config) []rules.Rule { return nil }

// TestRestart checks that objects, the user's token and the certificate are the same after a
// restart of the server, and that other tokens are not valid any more.
func TestRestart(t *testing.T) {
	dir := apitest.Dir(t)
	var userToken, daemonToken string
	t.Run("first", func(t *testing.T) {
		b := newBare(t, apitest.StartIn(t, dir, noRules))
		userToken, daemonToken = b.server.Config("rdd:user").BearerToken, b.server.Config("system:rdd:daemon").BearerToken
		_, err := b.kube.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "kept"}, Data: map[string]string{"key": "value"},
		}, metav1.CreateOptions{})
		b.must(err)
		for _, name := range []string{"token", "server.key", "service-account.key", "store.db"} {
			info, err := os.Stat(filepath.Join(dir, name))
			b.must(err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v, want 0600", name, info.Mode())
			}
		}
	})
	b := newBare(t, apitest.StartIn(t, dir, noRules))
	kept, err := b.kube.CoreV1().ConfigMaps("default").Get(t.Context(), "kept", metav1.GetOptions{})
	b.must(err)
	if kept.Data["key"] != "value" {
		t.Errorf("found %v", kept.Data)
	}
	if b.server.Config("rdd:user").BearerToken != userToken {
		t.Error("the user's token changed")
	}
	if status, _ := b.get("/api/v1/namespaces", daemonToken); status != 401 {
		t.Errorf("a token of the last server got status %d", status)
	}
}

// TestStoreSettings reads the settings back on several live connections while the server uses them.
func TestStoreSettings(t *testing.T) {
	server := apitest.Start(t)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal"} {
		values, err := server.Store().Pragma(t.Context(), pragma, 6)
		if err != nil {
			t.Fatal(err)
		}
		for i, value := range values {
			if value != want {
				t.Errorf("connection %d: %s = %s, want %s", i, pragma, value, want)
			}
		}
	}
}
