// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/test/apitest"
)

// smallFileSystem mounts a file system of its own on a directory with a short name.
func smallFileSystem(t *testing.T) string {
	t.Helper()
	dir := apitest.Dir(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256m"); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all the room that there is.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "filler"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); errors.Is(err, unix.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk: creates are refused with the reason and not stored, deletions with finalizers go
// through, also after a restart, and with room made everything works again.
func TestFullDisk(t *testing.T) {
	dir := smallFileSystem(t)
	t.Run("first", func(t *testing.T) {
		b := newBare(t, apitest.StartIn(t, dir, noRules))
		for _, name := range []string{"kept-0", "kept-1"} {
			_, err := b.kube.CoreV1().ConfigMaps("default").Create(t.Context(), someConfigMap(name), metav1.CreateOptions{})
			b.must(err)
		}
		// What the store keeps for the time when there is no room; it makes that soon after its
		// start.
		b.must(os.WriteFile(filepath.Join(dir, "store.db.reserve"), make([]byte, 8<<20), 0o600))
		// A program that has another definition comes later.
		b.must(b.definitions().Delete(t.Context(), "hostinfos.rdd.rancherdesktop.io", metav1.DeleteOptions{}))
		fill(t, dir)
		b.refusesCreates()
		b.deletes("kept-0")
	})
	b := newBare(t, apitest.StartIn(t, dir, noRules))
	_, err := b.definitions().Get(t.Context(), "hostinfos.rdd.rancherdesktop.io", metav1.GetOptions{})
	b.must(err)
	b.refusesCreates()
	b.deletes("kept-1")
	b.must(os.Remove(filepath.Join(dir, "filler")))
	_, err = b.kube.CoreV1().ConfigMaps("default").Create(t.Context(), someConfigMap("after"), metav1.CreateOptions{})
	b.must(err)
}

// TestPausedGuestOnFullDisk: a guest on the store's file system takes all that is free, also what
// the store gives up by itself. That it is paused can be written nevertheless, and it is deleted.
func TestPausedGuestOnFullDisk(t *testing.T) {
	dir := smallFileSystem(t)
	e := newEnvIn(t, dir)
	e.begin()
	e.makeVM("default", "one", run)
	e.waitRunning("one")
	// What is left of the reserve when there is next to no room.
	e.must(os.WriteFile(filepath.Join(dir, "store.db.reserve"), make([]byte, 2<<20), 0o600))
	fill(t, dir)
	e.must(e.world.Pause("one", vm.Pause{Reason: vm.PauseDiskFull, Path: "/d", Text: "/d is full: 5 more"}))
	e.waitVM("default", "one", limav1.ConditionRunning, check{status: metav1.ConditionFalse, reason: limav1.ReasonHostDiskFull})
	e.deleteVM("default", "one")
}

func (b *bare) definitions() apiextensionsclient.CustomResourceDefinitionInterface {
	b.Helper()
	client, err := apiextensionsclient.NewForConfig(b.server.Config("rdd:user"))
	b.must(err)
	return client.CustomResourceDefinitions()
}

func (b *bare) refusesCreates() {
	b.Helper()
	_, err := b.kube.CoreV1().ConfigMaps("default").Create(b.Context(), someConfigMap("refused"), metav1.CreateOptions{})
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Code != 507 || status.ErrStatus.Reason != "InsufficientStorage" ||
		!strings.Contains(status.ErrStatus.Message, "no room") {
		b.Errorf("a create on a full disk ended with %#v", err)
	}
	_, err = b.definitions().Create(b.Context(), someDefinition(), metav1.CreateOptions{})
	if !errors.As(err, &status) || status.ErrStatus.Code != 507 || status.ErrStatus.Reason != "InsufficientStorage" {
		b.Errorf("the create of a definition on a full disk ended with %#v", err)
	}
	if _, err := b.kube.CoreV1().ConfigMaps("default").Get(b.Context(), "refused", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		b.Errorf("reading what was refused: %v", err)
	}
}

func someDefinition() *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "things.example.com"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "example.com", Scope: apiextensionsv1.ClusterScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "things", Kind: "Thing"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"}},
			}},
		},
	}
}

// deletes an object as it is usually done: a deletion, and an update that removes the finalizer.
func (b *bare) deletes(name string) {
	b.Helper()
	maps := b.kube.CoreV1().ConfigMaps("default")
	b.must(maps.Delete(b.Context(), name, metav1.DeleteOptions{}))
	held, err := maps.Get(b.Context(), name, metav1.GetOptions{})
	b.must(err)
	held.Finalizers = nil
	_, err = maps.Update(b.Context(), held, metav1.UpdateOptions{})
	b.must(err)
	if _, err := maps.Get(b.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		b.Errorf("reading what was deleted: %v", err)
	}
}
