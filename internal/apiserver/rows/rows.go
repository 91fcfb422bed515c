// SPDX-License-Identifier: Apache-2.0

// Package rows is how the API server's objects lie in the store: each value with a checksum over
// its key and itself, so that one that has changed is found before it is served.
package rows

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	apiextensionsapiserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	// The kinds that are stored, in legacyscheme.
	_ "k8s.io/kubernetes/pkg/apis/coordination/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/events/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"

	"rancherdesktop.io/rdd/internal/datastore/checksum"
)

// Prefix of all keys of the API server.
const Prefix = "/registry"

// Transformers has all resources stored with a checksum.
type Transformers struct{}

// TransformerForResource implements value.ResourceTransformers.
func (Transformers) TransformerForResource(schema.GroupResource) value.Transformer { return summed{} }

// summed adds a checksum to each value that is written. Values without one, of older versions, are
// read as they are.
type summed struct{}

// TransformFromStorage implements value.Transformer. A value without a checksum is stale: the next
// update writes it with one, also when it changes nothing.
func (summed) TransformFromStorage(_ context.Context, stored []byte, key value.Context) (out []byte, stale bool, err error) {
	out, summed, err := checksum.Remove(string(key.AuthenticatedData()), stored)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", key.AuthenticatedData(), err)
	}
	return out, !summed, nil
}

// TransformToStorage implements value.Transformer.
func (summed) TransformToStorage(_ context.Context, data []byte, key value.Context) ([]byte, error) {
	return checksum.Add(string(key.AuthenticatedData()), data), nil
}

// protobufPrefix of values that are stored as protobuf.
var protobufPrefix = []byte("k8s\x00")

// healthKey is a row of the store's own among the API server's.
const healthKey = Prefix + "/health"

// Check says why the value stored under a key cannot be served; nil when it can. A value with a
// right checksum is what was written, and one without is decoded.
func Check(key string, stored []byte) error {
	if !strings.HasPrefix(key, Prefix+"/") || key == healthKey {
		return nil
	}
	data, summed, err := checksum.Remove(key, stored)
	if err != nil || summed {
		return err
	}
	if bytes.HasPrefix(data, protobufPrefix) {
		return checkProtobuf(data)
	}
	var object struct{ Kind, APIVersion string }
	if err := json.Unmarshal(data, &object); err != nil {
		return fmt.Errorf("it is no JSON: %w", err)
	}
	if object.Kind == "" || object.APIVersion == "" {
		return errors.New("it has no kind and version")
	}
	return nil
}

func checkProtobuf(data []byte) error {
	_, _, err := legacyscheme.Codecs.UniversalDeserializer().Decode(data, nil, nil)
	if runtime.IsNotRegisteredError(err) {
		_, _, err = apiextensionsapiserver.Codecs.UniversalDeserializer().Decode(data, nil, nil)
	}
	return err
}
