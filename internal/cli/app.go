// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/property"
	"rancherdesktop.io/rdd/internal/cli/session"
)

var appKey = ctrl.ObjectKey{Name: appv1.AppName}

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

// runningSpec is the change of the spec that starts or stops the VM.
func runningSpec(running bool) map[string]any { return map[string]any{"running": running} }

// bareApp is an App with nothing but its name, and with whichever fields the API has.
func bareApp() *unstructured.Unstructured {
	app := &unstructured.Unstructured{}
	app.SetGroupVersionKind(appv1.GroupVersion.WithKind("App"))
	app.SetName(appv1.AppName)
	return app
}

// rawApp returns the App with all the fields that it has in the API; nil when there is none.
func rawApp(ctx context.Context, c ctrl.Reader) (*unstructured.Unstructured, error) {
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

// typedApp is the App as this program knows it.
func typedApp(raw *unstructured.Unstructured) (*appv1.App, error) {
	app := &appv1.App{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw.Object, app); err != nil {
		return nil, fmt.Errorf("reading the App: %w", err)
	}
	return app, nil
}

// rawSpec is the spec of an App; nil when there is no App.
func rawSpec(raw *unstructured.Unstructured) map[string]any {
	if raw == nil {
		return nil
	}
	spec, _ := raw.Object["spec"].(map[string]any)
	return spec
}

// patchApp merges a change into the spec of an existing App; nil when there is none.
func patchApp(ctx context.Context, c ctrl.Writer, change map[string]any, options ...ctrl.PatchOption) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(map[string]any{"spec": change})
	if err != nil {
		return nil, fmt.Errorf("changing the App: %w", err)
	}
	app := bareApp()
	err = c.Patch(ctx, app, ctrl.RawPatch(types.MergePatchType, data), append(options, session.FieldOwner)...)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("changing the App: %w", err)
	}
	return app, nil
}

// createApp makes an App with that spec. By server-side apply: a create would be held up while the CRD is new. Its owner is nobody else's,
// so that of two who make the App at once neither takes away what the other has set.
func createApp(ctx context.Context, c ctrl.Writer, spec map[string]any, options ...ctrl.ApplyOption) (*unstructured.Unstructured, error) {
	app := bareApp()
	app.Object["spec"] = spec
	owner := session.FieldOwner + ctrl.FieldOwner("-"+requestValue())
	if err := c.Apply(ctx, ctrl.ApplyConfigurationFromUnstructured(app), append(options, owner, ctrl.ForceOwnership)...); err != nil {
		return nil, fmt.Errorf("creating the App: %w", err)
	}
	return app, nil
}

// appChange is a change of the App's spec.
type appChange struct {
	// patch for an App that exists, spec for a new one.
	patch, spec map[string]any
	// command makes the change, for a hint.
	command string
}

// applyApp carries a change out, creating the App if need be; an App that is being deleted is waited for.
func applyApp(ctx context.Context, s *session.Session, c ctrl.WithWatch, change appChange) (*unstructured.Unstructured, error) {
	for {
		raw, err := patchApp(ctx, c, change.patch)
		if err != nil {
			return nil, err
		}
		if raw == nil {
			if raw, err = createApp(ctx, c, change.spec); err != nil {
				return nil, err
			}
		}
		if raw.GetDeletionTimestamp() == nil {
			return raw, nil
		}
		app, err := typedApp(raw)
		if err != nil {
			return nil, err
		}
		if err := waitAppGone(ctx, s, c, app, "The deletion goes on; afterwards: "+change.command+"."); err != nil {
			return nil, err
		}
	}
}

// runApp sets spec.running, creating the App if need be.
func runApp(ctx context.Context, s *session.Session, c ctrl.WithWatch) (*appv1.App, error) {
	raw, err := applyApp(ctx, s, c, appChange{patch: runningSpec(true), spec: runningSpec(true), command: "rdd start"})
	if err != nil {
		return nil, err
	}
	return typedApp(raw)
}

// settledJudge waits until the App's spec, of wanted's generation or newer, has come true. It ends when one of the properties
// names has another value than in wanted meanwhile.
func settledJudge(wanted *appv1.App, names ...string) session.Predicate {
	return func(object ctrl.Object) (session.Result, error) {
		app, ok := object.(*appv1.App)
		if !ok || app.DeletionTimestamp != nil {
			return session.Result{}, fmt.Errorf("the App was deleted meanwhile")
		}
		if app.Generation > wanted.Generation {
			if err := unchanged(wanted, app, names); err != nil {
				return session.Result{}, err
			}
		}
		settled := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionSettled)
		if settled != nil && settled.Status == metav1.ConditionTrue && settled.ObservedGeneration >= wanted.Generation {
			return session.Result{Done: true}, nil
		}
		return session.Blocked(settled, wanted.Generation, "waiting for the App controller"), nil
	}
}

// unchanged refuses another value of one of these properties than in wanted.
func unchanged(wanted, app *appv1.App, names []string) error {
	before, beforeErr := runtime.DefaultUnstructuredConverter.ToUnstructured(&wanted.Spec)
	now, nowErr := runtime.DefaultUnstructuredConverter.ToUnstructured(&app.Spec)
	if err := errors.Join(beforeErr, nowErr); err != nil {
		return fmt.Errorf("reading the App: %w", err)
	}
	for _, name := range names {
		if value := property.Value(now, name); !reflect.DeepEqual(value, property.Value(before, name)) {
			return fmt.Errorf("the App was changed meanwhile: its spec.%s is %s now", name, property.Show(value))
		}
	}
	return nil
}

// settle waits until the App is as its spec says; names are the properties that it is waited for.
func settle(ctx context.Context, s *session.Session, c ctrl.WithWatch, app *appv1.App, names []string, what, hint string) error {
	return followApp(ctx, s, c, app, settledJudge(app, names...), what, hint)
}

// followApp waits until the App is as the judge says.
func followApp(ctx context.Context, s *session.Session, c ctrl.WithWatch, app *appv1.App, judge session.Predicate, what, hint string) error {
	w := &session.Wait{
		Follow:   s.Follower(c, &appv1.AppList{}, appKey).Follow,
		Until:    judge,
		What:     what,
		Hint:     hint,
		Progress: session.NewProgress(s.Err),
		Retry: func(ctx context.Context) error {
			return askRetry(ctx, c, ctrl.ObjectKey{Namespace: app.Spec.Namespace, Name: appv1.LimaVMName})
		},
	}
	return w.Run(ctx)
}

// waitAppGone waits until that App does not exist any more.
func waitAppGone(ctx context.Context, s *session.Session, c ctrl.WithWatch, app *appv1.App, hint string) error {
	w := &session.Wait{
		Follow:   s.Follower(c, &appv1.AppList{}, appKey).Follow,
		Until:    session.Gone(string(app.UID), func(object ctrl.Object) string { return deletingWhy(object.(*appv1.App).Status.Conditions) }),
		What:     "the App to be deleted",
		Hint:     hint,
		Progress: session.NewProgress(s.Err),
	}
	return w.Run(ctx)
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
	err := c.Patch(ctx, machine, ctrl.RawPatch(types.MergePatchType, patch), session.FieldOwner)
	if err = ctrl.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("asking for another attempt: %w", err)
	}
	return nil
}

// retryFailed asks for another attempt at once if the conditions tell of a failure. A wait does so by itself.
func retryFailed(ctx context.Context, c ctrl.Writer, conditions []metav1.Condition, key ctrl.ObjectKey) error {
	for _, condition := range conditions {
		if condition.Status == metav1.ConditionFalse && session.FailureReason(condition.Reason) {
			return askRetry(ctx, c, key)
		}
	}
	return nil
}
