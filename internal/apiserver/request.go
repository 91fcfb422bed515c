// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/uuid"
	genericadmission "k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
)

func requestUID() types.UID { return uuid.NewUUID() }

// nameOf returns the object's name. A create request may have it in the object only, or not at all
// (generateName).
func nameOf(a genericadmission.Attributes) string {
	if a.GetName() != "" {
		return a.GetName()
	}
	if object := metaOf(a.GetObject()); object != nil {
		return object.GetName()
	}
	return ""
}

func userInfo(info user.Info) authenticationv1.UserInfo {
	if info == nil {
		return authenticationv1.UserInfo{}
	}
	extra := map[string]authenticationv1.ExtraValue{}
	for key, values := range info.GetExtra() {
		extra[key] = values
	}
	return authenticationv1.UserInfo{Username: info.GetName(), UID: info.GetUID(), Groups: info.GetGroups(), Extra: extra}
}

func encodeOptions(options runtime.Object) (runtime.RawExtension, error) {
	if options == nil {
		return runtime.RawExtension{}, nil
	}
	raw, err := utiljson.Marshal(options)
	if err != nil {
		return runtime.RawExtension{}, fmt.Errorf("encoding %T: %w", options, err)
	}
	return runtime.RawExtension{Raw: raw}, nil
}

// unmarshal decodes whole numbers as integers, as unstructured objects need them.
func unmarshal(data []byte, content *map[string]any) error { return utiljson.Unmarshal(data, content) }
