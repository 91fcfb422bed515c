// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/hostconfig"
)

var appKey = ctrlclient.ObjectKey{Name: appv1.AppName}

// App returns the App; nil when there is none.
func App(ctx context.Context, c ctrlclient.Reader) (*appv1.App, error) {
	app := &appv1.App{}
	err := c.Get(ctx, appKey, app)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the App: %w", err)
	}
	return app, nil
}

// bareApp returns an App with nothing but its name. It is unstructured, so that fields which a
// newer daemon's API has are kept.
func bareApp() *unstructured.Unstructured {
	app := &unstructured.Unstructured{}
	app.SetGroupVersionKind(appv1.GroupVersion.WithKind("App"))
	app.SetName(appv1.AppName)
	return app
}

// RawApp returns the App with all the fields that it has in the API, also those that this program
// does not know; nil when there is none.
func RawApp(ctx context.Context, c ctrlclient.Reader) (*unstructured.Unstructured, error) {
	app := bareApp()
	err := c.Get(ctx, appKey, app)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the App: %w", err)
	}
	return app, nil
}

// TypedApp returns an App with the fields that this program knows.
func TypedApp(raw *unstructured.Unstructured) (*appv1.App, error) {
	app := &appv1.App{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw.Object, app); err != nil {
		return nil, fmt.Errorf("reading the App: %w", err)
	}
	return app, nil
}

// RawSpec returns the spec of an App; nil when raw is nil or has no spec.
func RawSpec(raw *unstructured.Unstructured) map[string]any {
	if raw == nil {
		return nil
	}
	spec, _ := raw.Object["spec"].(map[string]any)
	return spec
}

// WantedHost returns what the present App wants of the host.
func WantedHost(ctx context.Context, c ctrlclient.Reader) (hostconfig.Want, error) {
	app, err := App(ctx, c)
	return hostconfig.WantedBy(app), err
}

// SettledRunning reports whether spec.running of the App is true and the App has settled in its
// present generation. It is false for nil.
func SettledRunning(app *appv1.App) bool {
	if app == nil || !app.Spec.Running || app.DeletionTimestamp != nil {
		return false
	}
	settled := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionSettled)
	return settled != nil && settled.Status == metav1.ConditionTrue && settled.ObservedGeneration == app.Generation
}
