// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/client"
)

var appKey = ctrl.ObjectKey{Name: appv1.AppName}

// instanceExists reports whether the instance was ever made: asking an instance that was not
// whether it has an App need not make it.
func (r *root) instanceExists() (bool, error) {
	inst, err := r.instance()
	if err != nil {
		return false, err
	}
	exists, err := client.Exists(inst)
	if err != nil {
		return false, fmt.Errorf("looking for instance %s: %w", inst.Name, err)
	}
	return exists, nil
}

// getApp returns the App; nil when there is none.
func getApp(ctx context.Context, c ctrl.Reader) (*appv1.App, error) {
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

// patchRunning sets spec.running of an existing App; nil when there is none.
func patchRunning(ctx context.Context, c ctrl.Writer, running bool) (*appv1.App, error) {
	app := &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName}}
	patch := ctrl.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"running":%t}}`, running))
	err := c.Patch(ctx, app, patch, fieldOwner)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("changing the App: %w", err)
	}
	return app, nil
}

// createApp makes a running App with defaults. By server-side apply: a create would be held up while the CRD is new.
func createApp(ctx context.Context, c ctrl.WithWatch) (*appv1.App, error) {
	wanted := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": appv1.GroupVersion.String(),
		"kind":       "App",
		"metadata":   map[string]any{"name": appv1.AppName},
		"spec":       map[string]any{"running": true},
	}}
	if err := c.Apply(ctx, ctrl.ApplyConfigurationFromUnstructured(wanted), fieldOwner, ctrl.ForceOwnership); err != nil {
		return nil, fmt.Errorf("creating the App: %w", err)
	}
	return getApp(ctx, c)
}

// settledJudge waits until the App's spec of at least that generation has come true.
func settledJudge(running bool, generation int64) judge {
	return func(object ctrl.Object) (verdict, error) {
		app, ok := object.(*appv1.App)
		switch {
		case !ok || app.DeletionTimestamp != nil:
			return verdict{}, fmt.Errorf("the App was deleted meanwhile")
		case app.Generation > generation && app.Spec.Running != running:
			return verdict{}, fmt.Errorf("the App was changed meanwhile: its spec.running is %t now", app.Spec.Running)
		}
		settled := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionSettled)
		if settled != nil && settled.Status == metav1.ConditionTrue && settled.ObservedGeneration >= generation {
			return verdict{done: true}, nil
		}
		return blocked(settled, generation, "waiting for the App controller"), nil
	}
}

// settle waits until the App is as its spec says.
func (r *root) settle(ctx context.Context, c ctrl.WithWatch, app *appv1.App, what, hint string) error {
	w := &wait{
		follow:   r.follower(c, &appv1.AppList{}, appKey).follow,
		judge:    settledJudge(app.Spec.Running, app.Generation),
		what:     what,
		hint:     hint,
		progress: newProgress(r.err),
		retry: func(ctx context.Context) error {
			return askRetry(ctx, c, ctrl.ObjectKey{Namespace: app.Spec.Namespace, Name: appv1.LimaVMName})
		},
	}
	return w.run(ctx)
}

// waitAppGone waits until that App does not exist any more.
func (r *root) waitAppGone(ctx context.Context, c ctrl.WithWatch, app *appv1.App, hint string) error {
	w := &wait{
		follow:   r.follower(c, &appv1.AppList{}, appKey).follow,
		judge:    gone(string(app.UID), func(object ctrl.Object) string { return deletingWhy(object.(*appv1.App).Status.Conditions) }),
		what:     "the App to be deleted",
		hint:     hint,
		progress: newProgress(r.err),
	}
	return w.run(ctx)
}

// deletingWhy tells from the conditions what a deletion waits for.
func deletingWhy(conditions []metav1.Condition) string {
	for _, name := range []string{appv1.ConditionSettled, limav1.ConditionRunning, limav1.ConditionCreated} {
		if c := meta.FindStatusCondition(conditions, name); c != nil && c.Status != metav1.ConditionTrue && c.Message != "" {
			return c.Message
		}
	}
	return "deleting"
}

// askRetry asks the LimaVM's controller to try again at once what has failed before; no LimaVM is no error.
func askRetry(ctx context.Context, c ctrl.Writer, key ctrl.ObjectKey) error {
	machine := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, limav1.AnnotationRetryRequested, time.Now().UTC().Format(time.RFC3339Nano))
	err := c.Patch(ctx, machine, ctrl.RawPatch(types.MergePatchType, patch), fieldOwner)
	if err = ctrl.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("asking for another attempt: %w", err)
	}
	return nil
}

// retryFailed asks for another attempt at once if the conditions tell of a failure. A wait does so by itself.
func retryFailed(ctx context.Context, c ctrl.Writer, conditions []metav1.Condition, key ctrl.ObjectKey) error {
	for _, condition := range conditions {
		if condition.Status == metav1.ConditionFalse && failureReason(condition.Reason) {
			return askRetry(ctx, c, key)
		}
	}
	return nil
}
