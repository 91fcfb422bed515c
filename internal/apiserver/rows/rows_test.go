// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"bytes"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsapiserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	"rancherdesktop.io/rdd/internal/datastore/checksum"
)

// inProtobuf is how built-in kinds are stored.
func inProtobuf(t *testing.T, scheme *runtime.Scheme, object runtime.Object) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := protobuf.NewSerializer(scheme, scheme).Encode(object, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCheckRow(t *testing.T) {
	const key = "/registry/configmaps/default/some"
	config := inProtobuf(t, legacyscheme.Scheme, &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Name: "some"},
		Data: map[string]string{"key": "value"},
	})
	definition := inProtobuf(t, apiextensionsapiserver.Scheme, &apiextensionsv1.CustomResourceDefinition{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"},
		ObjectMeta: metav1.ObjectMeta{Name: "some"},
	})
	custom := []byte(`{"apiVersion":"lima.rancherdesktop.io/v1alpha1","kind":"LimaVM","metadata":{"name":"rd"}}`)
	for name, c := range map[string]struct {
		key   string
		value []byte
		good  bool
	}{
		"with a checksum":           {key, checksum.Add(key, config), true},
		"with another's checksum":   {key, checksum.Add(key+"x", config), false},
		"protobuf":                  {key, config, true},
		"protobuf, cut":             {key, config[:len(config)-3], false},
		"a definition":              {key, definition, true},
		"a definition, cut":         {key, definition[:len(definition)-3], false},
		"JSON":                      {key, custom, true},
		"JSON, cut":                 {key, custom[:len(custom)-1], false},
		"no object":                 {key, []byte(`{"key":"value"}`), false},
		"garbage":                   {key, []byte{0xa5, 0xa5}, false},
		"empty":                     {key, nil, false},
		"the store's own":           {"/registry/health", []byte("x"), true},
		"outside of what is served": {"compact_rev_key", nil, true},
	} {
		if err := Check(c.key, c.value); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSummed(t *testing.T) {
	transformer := Transformers{}.TransformerForResource(schema.GroupResource{Resource: "configmaps"})
	key := value.DefaultContext("/registry/configmaps/default/some")
	stored, err := transformer.TransformToStorage(t.Context(), []byte("value"), key)
	if err != nil {
		t.Fatal(err)
	}
	if out, stale, err := transformer.TransformFromStorage(t.Context(), stored, key); err != nil || stale || string(out) != "value" {
		t.Errorf("%q, %t, %v", out, stale, err)
	}
	if out, stale, err := transformer.TransformFromStorage(t.Context(), []byte("value"), key); err != nil || !stale || string(out) != "value" {
		t.Errorf("without a checksum: %q, %t, %v", out, stale, err)
	}
	if _, _, err := transformer.TransformFromStorage(t.Context(), stored[:len(stored)-1], key); !errors.Is(err, checksum.ErrMismatch) {
		t.Errorf("cut off: %v", err)
	}
}
