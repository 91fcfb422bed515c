// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/storage"

	"rancherdesktop.io/rdd/internal/datastore/checked"
	"rancherdesktop.io/rdd/internal/rules"
)

// reasonInsufficientStorage is the reason of a request that the store has no room for, with code
// 507.
const reasonInsufficientStorage metav1.StatusReason = "InsufficientStorage"

// failingStorage answers with the reason when the store fails. The API machinery would send an
// unknown error, and log it.
type failingStorage struct{ storage.Interface }

// marked marks the requests of the daemon as the program's own: the store tries its creates, too.
func marked(ctx context.Context) context.Context {
	if caller, ok := request.UserFrom(ctx); ok && caller.GetName() == rules.DaemonName {
		return checked.AsOwn(ctx)
	}
	return ctx
}

// Create implements storage.Interface.
func (f failingStorage) Create(ctx context.Context, key string, obj, out runtime.Object, ttl uint64) error {
	return storeStatus(f.Interface.Create(marked(ctx), key, obj, out, ttl))
}

// Delete implements storage.Interface.
func (f failingStorage) Delete(ctx context.Context, key string, out runtime.Object, preconditions *storage.Preconditions,
	validate storage.ValidateObjectFunc, cached runtime.Object, options storage.DeleteOptions,
) error {
	return storeStatus(f.Interface.Delete(ctx, key, out, preconditions, validate, cached, options))
}

// Get implements storage.Interface.
func (f failingStorage) Get(ctx context.Context, key string, options storage.GetOptions, out runtime.Object) error {
	return storeStatus(f.Interface.Get(ctx, key, options, out))
}

// GetList implements storage.Interface.
func (f failingStorage) GetList(ctx context.Context, key string, options storage.ListOptions, list runtime.Object) error {
	return storeStatus(f.Interface.GetList(ctx, key, options, list))
}

// GuaranteedUpdate implements storage.Interface. It creates as well, for a server-side apply.
func (f failingStorage) GuaranteedUpdate(ctx context.Context, key string, into runtime.Object, ignoreNotFound bool,
	preconditions *storage.Preconditions, update storage.UpdateFunc, cached runtime.Object,
) error {
	return storeStatus(f.Interface.GuaranteedUpdate(marked(ctx), key, into, ignoreNotFound, preconditions, update, cached))
}

// storeStatus makes an API error of a failure of the store; other errors stay.
func storeStatus(err error) error {
	cause, message, ok := checked.CauseOf(err)
	if !ok {
		return err
	}
	status := metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError, Message: message,
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: metav1.CauseType("Store" + string(cause)), Message: message}}},
	}
	if cause == checked.CauseFull {
		status.Code, status.Reason = http.StatusInsufficientStorage, reasonInsufficientStorage
	}
	return &apierrors.StatusError{ErrStatus: status}
}
