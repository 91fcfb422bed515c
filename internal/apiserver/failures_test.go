// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"testing"

	"google.golang.org/grpc/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/storage"

	"rancherdesktop.io/rdd/internal/datastore/checked"
)

func TestStoreStatus(t *testing.T) {
	cause := errors.New("database or disk is full")
	for _, c := range []struct {
		cause  checked.Cause
		code   int32
		reason metav1.StatusReason
	}{
		{checked.CauseFull, 507, "InsufficientStorage"},
		{checked.CauseLocked, 500, metav1.StatusReasonInternalError},
		{checked.CauseLost, 500, metav1.StatusReasonInternalError},
	} {
		failure := &checked.Error{Cause: c.cause, Doing: "creating /registry/key", Err: cause}
		var got *apierrors.StatusError
		if err := storeStatus(status.Convert(failure).Err()); !errors.As(err, &got) {
			t.Fatalf("%s became %v", c.cause, err)
		}
		if s := got.Status(); s.Code != c.code || s.Reason != c.reason || s.Message != failure.Error() {
			t.Errorf("%s became %+v", c.cause, s)
		}
	}
	conflict := storage.NewResourceVersionConflictsError("/registry/key", 1)
	for _, err := range []error{nil, conflict} {
		if got := storeStatus(err); got != err { //nolint:errorlint // the very error
			t.Errorf("%v became %v", err, got)
		}
	}
}
