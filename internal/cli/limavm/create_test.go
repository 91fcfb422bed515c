// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
)

// TestCreateLeavesNothingHalfDone ends the command while the LimaVM is being created: the ConfigMap
// that was made for it stays exactly when the LimaVM was made after all.
func TestCreateLeavesNothingHalfDone(t *testing.T) {
	for _, tt := range []struct {
		name string
		// made: the server carries the request out, and its answer is lost.
		made bool
	}{{"before it is made", false}, {"after it is made", true}} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			c := fake.NewClientBuilder().WithScheme(scheme.New()).
				WithIndex(&limav1.LimaVM{}, "metadata.name", func(o ctrlclient.Object) []string { return []string{o.GetName()} }).
				WithInterceptorFuncs(interceptor.Funcs{
					Create: func(ctx context.Context, c ctrlclient.WithWatch, object ctrlclient.Object, options ...ctrlclient.CreateOption) error {
						if _, ok := object.(*limav1.LimaVM); !ok {
							return c.Create(ctx, object, options...)
						}
						if tt.made {
							if err := c.Create(ctx, object, options...); err != nil {
								return err
							}
						}
						interrupt()
						return ctx.Err()
					},
				}).Build()
			o := createOptions{name: "dev", namespace: "default", template: "./dev.yaml"}
			if _, err := createFromData(ctx, c, o, []byte("cpus: 1\n")); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			err := c.Get(t.Context(), ctrlclient.ObjectKey{Namespace: "default", Name: "dev"}, &corev1.ConfigMap{})
			if tt.made && err != nil {
				t.Errorf("the ConfigMap of a LimaVM that exists: %v", err)
			}
			if !tt.made && !apierrors.IsNotFound(err) {
				t.Errorf("the ConfigMap of no LimaVM: %v", err)
			}
		})
	}
}
