// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/kubernetes"
	"google.golang.org/grpc"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/apis/example"
	examplev1 "k8s.io/apiserver/pkg/apis/example/v1"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/etcd3"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"
	"k8s.io/utils/clock"

	"rancherdesktop.io/rdd/internal/datastore"
)

// consumer is the API server's own storage of Pods on a store of ours.
func consumer(t *testing.T) storage.Interface {
	t.Helper()
	store, err := datastore.Open(filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := kubernetes.New(clientv3.Config{
		Endpoints: []string{"http://store"},
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return store.Dial(ctx, "", address)
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	utilruntime.Must(example.AddToScheme(scheme))
	utilruntime.Must(examplev1.AddToScheme(scheme))
	codec := serializer.NewCodecFactory(scheme).LegacyCodec(examplev1.SchemeGroupVersion)
	versioner := storage.APIObjectVersioner{}
	compactor := etcd3.NewCompactor(client.Client, 0, clock.RealClock{}, nil)
	t.Cleanup(compactor.Stop)
	made, err := etcd3.New(client, compactor, codec, func() runtime.Object { return &example.Pod{} },
		func() runtime.Object { return &example.PodList{} }, "", "/pods/", schema.GroupResource{Resource: "pods"},
		identity.NewEncryptCheckTransformer(), etcd3.NewDefaultLeaseManagerConfig(), etcd3.NewDefaultDecoder(codec, versioner), versioner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

// TestConsumer runs the API server's suite of what it expects of a store. Left out is what reads
// the etcd client's calls.
func TestConsumer(t *testing.T) {
	for name, run := range map[string]func(context.Context, *testing.T, storage.Interface){
		"create with key": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestCreate(ctx, t, s, func(context.Context, *testing.T, string) {})
		},
		"create what exists":                   storagetesting.RunTestCreateWithKeyExist,
		"create with a lease":                  storagetesting.RunTestCreateWithTTL,
		"get":                                  storagetesting.RunTestGet,
		"delete":                               storagetesting.RunTestUnconditionalDelete,
		"delete on conditions":                 storagetesting.RunTestConditionalDelete,
		"delete with a suggestion":             storagetesting.RunTestDeleteWithSuggestion,
		"delete with a suggestion, conflict":   storagetesting.RunTestDeleteWithSuggestionAndConflict,
		"delete with a conflict":               storagetesting.RunTestDeleteWithConflict,
		"delete what a suggestion has deleted": storagetesting.RunTestDeleteWithSuggestionOfDeletedObject,
		"update with a conflict":               storagetesting.RunTestGuaranteedUpdateWithConflict,
		"update with a suggestion, conflict":   storagetesting.RunTestGuaranteedUpdateWithSuggestionAndConflict,
		"update with a lease":                  storagetesting.RunTestGuaranteedUpdateWithTTL,
		"watch":                                storagetesting.RunTestWatch,
		"watch a deletion":                     storagetesting.RunTestDeleteTriggerWatch,
		"watch from a revision":                storagetesting.RunTestWatchFromNonZero,
		"watch a cluster's":                    storagetesting.RunTestClusterScopedWatch,
		"watch a namespace's":                  storagetesting.RunTestNamespaceScopedWatch,
	} {
		t.Run(name, func(t *testing.T) { run(t.Context(), t, consumer(t)) })
	}
}
