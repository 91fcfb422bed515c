// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestCreateParams(t *testing.T) {
	if got, err := createParams([]string{"a=1", "b="}); err != nil || !reflect.DeepEqual(got, map[string]string{"a": "1"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := createParams(nil); got != nil || err != nil {
		t.Errorf("without params: %v, %v", got, err)
	}
	if _, err := createParams([]string{"a"}); err == nil || !strings.Contains(err.Error(), `parameter "a": want NAME=VALUE`) {
		t.Errorf("got %v", err)
	}
}

func TestReadParams(t *testing.T) {
	data := []byte("images: [{location: \"rdd:docker\"}]\nparam: {user: jo, size: \"3\"}\nenv: {A: \"{{.Param.user}}{{.Param.size}}\"}\n")
	got, err := readParams(data, map[string]string{"size": "4"})
	if err != nil {
		t.Fatal(err)
	}
	want := []paramReport{{Name: "size", Value: "4", Default: "3", Set: true}, {Name: "user", Value: "jo", Default: "jo"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := readParams([]byte("arch: cray-1\n"), nil); err == nil {
		t.Error("an invalid template has parameters")
	}
}
