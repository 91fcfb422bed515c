// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/property"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// Names of the controllers that do what is asked of an App and of a LimaVM. A deletion needs none.
const (
	appController    = "app"
	limavmController = "limavm"
)

// AppSettled returns a predicate that holds once the App has settled in the generation of wanted or
// a newer one. It fails when the App is deleted, and when somebody changes one of the properties
// that names lists.
func AppSettled(wanted *appv1.App, names ...string) session.Predicate {
	return func(object ctrlclient.Object) (session.Result, error) {
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

// unchanged returns an error when one of the properties has another value in app than in wanted.
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

// SettleApp waits for AppSettled. For what and hint see session.Wait.
func SettleApp(
	ctx context.Context, s *session.Session, c ctrlclient.WithWatch, app *appv1.App, names []string, what, hint string,
) error {
	return FollowApp(ctx, s, c, app, AppSettled(app, names...), what, hint)
}

// FollowApp waits until the predicate holds for the App. It asks once for another attempt at what
// failed before the command.
func FollowApp(
	ctx context.Context, s *session.Session, c ctrlclient.WithWatch, app *appv1.App, until session.Predicate, what, hint string,
) error {
	w := &session.Wait{
		Follow:   s.Follower(c, &appv1.AppList{}, appKey).Follow,
		Until:    until,
		What:     what,
		Hint:     hint,
		Progress: session.NewProgress(s.Err),
		Retry: func(ctx context.Context) error {
			return askRetry(ctx, c, ctrlclient.ObjectKey{Namespace: app.Spec.Namespace, Name: appv1.LimaVMName})
		},
		Never: s.Lacking(appController, limavmController),
	}
	return w.Run(ctx)
}

// WaitAppDeleted waits until the App of that UID does not exist any more.
func WaitAppDeleted(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, app *appv1.App, hint string) error {
	why := func(object ctrlclient.Object) string { return deletionMessage(object.(*appv1.App).Status.Conditions) }
	w := &session.Wait{
		Follow:   s.Follower(c, &appv1.AppList{}, appKey).Follow,
		Until:    session.Deleted(string(app.UID), why),
		What:     "the App to be deleted",
		Hint:     hint,
		Progress: session.NewProgress(s.Err),
	}
	return w.Run(ctx)
}

// AfterVM returns a predicate that holds once until holds and the App's controller has observed the
// condition running of the LimaVM. Without it, an App that had settled before its VM was reset
// would end the wait at once.
func AfterVM(running *metav1.Condition, until session.Predicate) session.Predicate {
	return func(object ctrlclient.Object) (session.Result, error) {
		result, err := until(object)
		if err != nil || !result.Done {
			return result, err
		}
		observed := meta.FindStatusCondition(object.(*appv1.App).Status.Conditions, appv1.ConditionRunning)
		if observed == nil || observed.LastTransitionTime.Before(&running.LastTransitionTime) {
			return session.Result{Why: "waiting for the App controller", Unobserved: true}, nil
		}
		return result, nil
	}
}
