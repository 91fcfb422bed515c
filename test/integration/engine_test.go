// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"runtime"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
)

// TestEngineIsVerifiedPerStart checks that a running App settles when its container engine has
// passed a smoke test in the present start of the machine.
func TestEngineIsVerifiedPerStart(t *testing.T) {
	e := start(t)
	e.must(e.create(newApp(func(a *appv1.App) { a.Spec.Running = true })))
	e.settle()
	app := e.app()
	engine := app.Status.ContainerEngine
	if engine.Name != appv1.EngineMoby || engine.Version == "" || engine.RestartCount != 1 {
		t.Fatalf("the engine that was proven: %+v", engine)
	}
	e.patchApp(`{"spec":{"running":false}}`)
	e.settle()
	e.waitApp(appv1.ConditionContainerEngineReady, check{status: metav1.ConditionFalse, reason: appv1.ReasonStopped})
	e.patchApp(`{"spec":{"running":true}}`)
	e.settle()
	if engine := e.app().Status.ContainerEngine; engine.RestartCount != 2 || e.monitor.SmokeTests() != 2 {
		t.Fatalf("after the second start: %+v, %d proofs", engine, e.monitor.SmokeTests())
	}
}

// TestEngineIsLostAndFound checks that a container engine that does not answer keeps the App from
// Settled, with the cause.
func TestEngineIsLostAndFound(t *testing.T) {
	e := start(t)
	e.must(e.create(newApp(func(a *appv1.App) { a.Spec.Running = true })))
	e.settle()
	before := e.app()
	e.monitor.Break("dockerd does not answer")
	e.monitor.Advance()
	e.waitApp(appv1.ConditionContainerEngineReady, check{status: metav1.ConditionFalse, reason: appv1.ReasonConnectFailed})
	app := e.waitApp(appv1.ConditionSettled, check{status: metav1.ConditionFalse, reason: appv1.ReasonConnectFailed})
	if c := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionSettled); c.Message != "dockerd does not answer" {
		t.Errorf("Settled says %q", c.Message)
	}
	e.monitor.Break("")
	e.monitor.Advance()
	e.settle()
	after := e.app()
	running := func(a *appv1.App) metav1.Condition {
		return *meta.FindStatusCondition(a.Status.Conditions, appv1.ConditionRunning)
	}
	if running(before) != running(after) {
		t.Errorf("the machine's condition has changed: %+v, then %+v", running(before), running(after))
	}
}

// TestSeveralSettingsRestartOnce checks that the changes of one write cause one restart.
func TestSeveralSettingsRestartOnce(t *testing.T) {
	e := start(t)
	e.must(e.create(newApp(func(a *appv1.App) { a.Spec.Running = true })))
	e.settle()
	e.patchApp(
		`{"spec":{"virtualMachine":{"cpus":3,"memory":"3Gi","exposePorts":true,"mounts":[{"location":"~/src","mountPoint":"/src"}]},` +
			`"containerEngine":{"name":"containerd"}}}`,
	)
	e.settle()
	if n := e.limaVM("default", "rd").Status.RestartCount; n != 2 {
		t.Fatalf("five settings made %d starts, not one more", n-1)
	}
	own := e.configMap("default", "rd-template").Data["template"]
	for _, want := range []string{"cpus: 3", `"3072MiB"`, `"location":"~/src"`, "engine: \"containerd\"", "hostIP: 0.0.0.0"} {
		if !contains(own, want) {
			t.Errorf("%q is not in the template:\n%s", want, own)
		}
	}
	if contains(own, "hostSocket") {
		t.Errorf("there is no Docker socket with containerd:\n%s", own)
	}
	if engine := e.app().Status.ContainerEngine; engine.Name != appv1.EngineContainerd {
		t.Errorf("proven: %+v", engine)
	}
}

// TestHostInfo checks that the HostInfo has the facts that admission uses, and that the controller
// restores it.
func TestHostInfo(t *testing.T) {
	e := start(t)
	info := &rddv1.HostInfo{}
	reported := func() (bool, string) {
		if err := e.user.Get(context.Background(), types.NamespacedName{Name: rddv1.HostInfoName}, info); err != nil {
			return false, err.Error()
		}
		st := info.Status
		return st.CPUs == 4 && st.Memory.String() == "16Gi" && st.OS == runtime.GOOS && st.Arch == host.Arch &&
			st.Versions.RDD == "v0.0.0-test", "it says something else"
	}
	e.wait("the HostInfo", &rddv1.HostInfoList{}, reported)
	version := info.ResourceVersion
	wrong := client.RawPatch(types.MergePatchType, []byte(`{"status":{"cpus":99}}`))
	e.must(e.as("system:rdd:controller:hostinfo").Status().Patch(context.Background(), info, wrong))
	e.wait("the HostInfo again", &rddv1.HostInfoList{}, reported)
	e.must(e.user.Delete(context.Background(), info))
	e.wait("another HostInfo", &rddv1.HostInfoList{}, reported)
	if info.ResourceVersion == version {
		t.Error("it was not changed at all")
	}
	other := &rddv1.HostInfo{ObjectMeta: metav1.ObjectMeta{Name: "other"}}
	e.mustInvalid(e.user.Create(context.Background(), other), "must be named 'system'")
}
