// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm/template"
)

var (
	host = template.Host{Arch: template.ArchX8664, CPUs: 4, Memory: 16 * gib}
)

func TestRenderedTemplateIsValidAndRecognised(t *testing.T) {
	quiet := Facts{Host: host, DockerSocket: "/home/someone/.rd2/docker.sock"}
	spec := appv1.AppSpec{VirtualMachine: appv1.VirtualMachineSpec{CPUs: 3, Memory: new(resource.MustParse("2500Mi"))}}
	text, err := render(quiet.wanted(spec))
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := template.Load([]byte(text), nil, host)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if loaded.CPUs != 3 || loaded.Memory != 2500<<20 || loaded.Images[0].Location != "rdd:docker" ||
		loaded.PortForwards[0].HostSocket != quiet.DockerSocket {
		t.Errorf("loaded %+v", loaded)
	}
	if !quiet.matches(text, quiet.wanted(spec)) {
		t.Error("the rendered template is not recognised: it would be written again and again")
	}
	spec.VirtualMachine.CPUs = 2
	if quiet.matches(text, quiet.wanted(spec)) {
		t.Error("a change is not recognised")
	}
	if quiet.matches("nonsense", quiet.wanted(spec)) {
		t.Error("nonsense matches")
	}
}

func TestAwkwardPathsAreQuoted(t *testing.T) {
	awkward := Facts{Host: host, DockerSocket: `/home/o"brien ü: #1/docker.sock`}
	text, err := render(awkward.wanted(appv1.AppSpec{}))
	if err != nil {
		t.Fatal(err)
	}
	if !awkward.matches(text, awkward.wanted(appv1.AppSpec{})) {
		t.Errorf("the path is not read as it was written:\n%s", text)
	}
}

// TestSpecIsRecognised checks that each spec matches the template rendered from it, and no other.
func TestSpecIsRecognised(t *testing.T) {
	f := Facts{Host: host, DockerSocket: "/home/someone/.rd2/docker.sock"}
	specs := map[string]appv1.AppSpec{"defaults": {}}
	for name, change := range map[string]func(*appv1.AppSpec){
		"containerd": func(s *appv1.AppSpec) { s.ContainerEngine.Name = appv1.EngineContainerd },
		"exposed":    func(s *appv1.AppSpec) { s.VirtualMachine.ExposePorts = true },
		"no mounts":  func(s *appv1.AppSpec) { s.VirtualMachine.Mounts = []appv1.Mount{} },
		"a mount":    func(s *appv1.AppSpec) { s.VirtualMachine.Mounts = []appv1.Mount{{Location: "~/src", Writable: true}} },
		"read only":  func(s *appv1.AppSpec) { s.VirtualMachine.Mounts = []appv1.Mount{{Location: "~/src"}} },
		"elsewhere": func(s *appv1.AppSpec) {
			s.VirtualMachine.Mounts = []appv1.Mount{{Location: "~/src", MountPoint: "/o'b \"x\": #1"}, {Location: "/srv"}}
		},
	} {
		spec := appv1.AppSpec{}
		change(&spec)
		specs[name] = spec
	}
	for name, spec := range specs {
		text, err := render(f.wanted(spec))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.load(text); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		for other, asked := range specs {
			same := name == other || other == "defaults" && (name == "no mounts" || name == "a mount" || name == "read only" || name == "elsewhere")
			if got := f.matches(text, f.wanted(asked)); got != same {
				t.Errorf("the template of %q matches %q: %v", name, other, got)
			}
		}
	}
	old := "cpus: 2\nmemory: 4GiB\nimages: [{location: 'rdd:docker'}]\nportForwards: [{guestSocket: /var/run/docker.sock, hostSocket: " +
		f.DockerSocket + "}]\n"
	if !f.matches(old, f.wanted(appv1.AppSpec{})) {
		t.Error("a template of an older rdd does not match: an upgrade would restart the machine")
	}
}

func TestDefaults(t *testing.T) {
	for _, test := range []struct {
		host   template.Host
		cpus   int32
		memory string
	}{
		{template.Host{CPUs: 1, Memory: 2 * gib}, 1, "2Gi"},
		{template.Host{CPUs: 2, Memory: 8 * gib}, 2, "2Gi"},
		{template.Host{CPUs: 8, Memory: 16 * gib}, 2, "4Gi"},
		{template.Host{CPUs: 64, Memory: 256 * gib}, 2, "8Gi"},
		{template.Host{CPUs: 8, Memory: 16*gib - 4097}, 2, "4095Mi"},
	} {
		app := &appv1.App{}
		if err := (defaulter{Facts{Host: test.host}}).Default(t.Context(), app); err != nil {
			t.Error(err)
			continue
		}
		if m := app.Spec.VirtualMachine; m.CPUs != test.cpus || m.Memory.String() != test.memory {
			t.Errorf("%+v: %d CPUs, %s", test.host, m.CPUs, m.Memory)
		}
	}
	err := defaulter{Facts{Host: template.Host{CPUs: 1, Memory: gib}}}.Default(t.Context(), &appv1.App{})
	if err == nil || err.Error() != "this host cannot give a virtual machine the 2Gi of memory that it needs: it has 1Gi itself" {
		t.Errorf("a small host: %v", err)
	}
}

// settledScope is an App that has settled with a running machine.
func settledScope() *scope {
	s := &scope{app: &appv1.App{}, now: time.Unix(1_700_000_000, 0), limaVMRead: true, limaVM: &limav1.LimaVM{}}
	s.app.Generation, s.app.Spec.Running = 3, true
	s.limaVM.Generation, s.limaVM.Spec.Running = 5, true
	s.template = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "42"}}
	s.limaVM.Status = limav1.LimaVMStatus{ObservedTemplateResourceVersion: "42", Conditions: []metav1.Condition{
		{Type: "Created", Status: "True", Reason: "Created", ObservedGeneration: 5},
		{Type: "Running", Status: "True", Reason: "Started", ObservedGeneration: 5},
	}}
	return s
}

func TestSettled(t *testing.T) {
	condition := func(s *scope, conditionType string) *metav1.Condition {
		return meta.FindStatusCondition(s.limaVM.Status.Conditions, conditionType)
	}
	running := func(status metav1.ConditionStatus, reason, message string) func(*scope) {
		return func(s *scope) {
			c := condition(s, "Running")
			c.Status, c.Reason, c.Message = status, reason, message
		}
	}
	for name, test := range map[string]struct {
		change func(*scope)
		want   string
	}{
		"all is so":         {func(*scope) {}, "True/Settled/"},
		"no conditions yet": {func(s *scope) { s.limaVM.Status.Conditions = nil }, "False/WaitingForLimaVM/waiting for the LimaVM controller"},
		"being created": {
			func(s *scope) { c := condition(s, "Created"); c.Status, c.Message = "Unknown", "building image 1/5" },
			"False/WaitingForLimaVM/building image 1/5",
		},
		"creation failed": {func(s *scope) {
			c := condition(s, "Created")
			c.Status, c.Reason, c.Message = "False", "CreateFailed", "no qemu"
		}, "False/CreateFailed/no qemu"},
		"name taken": {func(s *scope) {
			c := condition(s, "Created")
			c.Status, c.Reason, c.Message = "False", "NameTaken", "taken"
		}, "False/NameTaken/taken"},
		"starting":     {running("False", "Starting", "booting"), "False/WaitingForLimaVM/booting"},
		"start failed": {running("False", "StartFailed", "panic"), "False/StartFailed/panic"},
		"failed for an older spec": {
			func(s *scope) { running("False", "StartFailed", "panic")(s); s.limaVM.Generation = 6 }, "False/WaitingForLimaVM/panic",
		},
		"speaks of an older generation": {func(s *scope) { s.limaVM.Generation = 6 }, "False/WaitingForLimaVM/"},
		"restart due":                   {func(s *scope) { s.limaVM.Status.RestartNeeded = true }, "False/ApplyingTemplate/"},
		"template not observed":         {func(s *scope) { s.template.ResourceVersion = "43" }, "False/ApplyingTemplate/"},
		"not handed on":                 {func(s *scope) { s.app.Spec.Running = false }, "False/WaitingForLimaVM/"},
		"stopped as asked": {func(s *scope) {
			s.app.Spec.Running, s.limaVM.Spec.Running = false, false
			running("False", "Stopped", "")(s)
		}, "True/Settled/"},
		"stopping as asked": {func(s *scope) {
			s.app.Spec.Running, s.limaVM.Spec.Running = false, false
			running("False", "Stopping", "shutting down")(s)
		}, "False/WaitingForLimaVM/shutting down"},
		"engine not seen yet": {withEngine(nil), "False/WaitingForEngine/waiting for the container engine controller"},
		"engine verified":     {withEngine(func(s *scope) {}), "True/Settled/"},
		"engine of an older spec": {
			withEngine(func(s *scope) { s.app.Status.Conditions[0].ObservedGeneration = 2 }),
			"False/EngineStale/the container engine has to be proven again",
		},
		"engine of an older start": {
			withEngine(func(s *scope) { s.limaVM.Status.RestartCount = 9 }), "False/EngineStale/the container engine has to be proven again",
		},
		"another engine": {
			withEngine(func(s *scope) { s.app.Spec.ContainerEngine.Name = "containerd" }),
			"False/EngineStale/the container engine has to be proven again",
		},
		"engine being tried": {withEngine(func(s *scope) {
			c := &s.app.Status.Conditions[0]
			c.Status, c.Reason, c.Message = "False", "Connecting", "trying"
		}), "False/WaitingForEngine/trying"},
		// The machine runs, and the container engine controller has not observed that yet.
		"engine stopped before": {withEngine(func(s *scope) {
			c := &s.app.Status.Conditions[0]
			c.Status, c.Reason, c.Message = "False", appv1.ReasonStopped, "the machine does not run"
		}), "False/WaitingForEngine/waiting for the container engine controller"},
		"engine failed": {withEngine(func(s *scope) {
			c := &s.app.Status.Conditions[0]
			c.Status, c.Reason, c.Message = "False", "ConnectFailed", "gone"
		}), "False/ConnectFailed/gone"},
		"engine of a stopped machine": {withEngine(func(s *scope) {
			s.app.Status.Conditions = nil
			s.app.Spec.Running, s.limaVM.Spec.Running = false, false
			running("False", "Stopped", "")(s)
		}), "True/Settled/"},
		"waiting": {
			func(s *scope) { s.outcome = reconcile.Wait("for a namespace", 0) }, "False/WaitingForLimaVM/for a namespace",
		},
		"foreign":                  {func(s *scope) { s.outcome = reconcile.Stalled("ForeignObject", "rd") }, "False/ForeignObject/rd"},
		"an error, never settled":  {func(s *scope) { s.outcome = reconcile.Retry(errors.New("boom")) }, "False/Retrying/trying again: boom"},
		"an error, settled before": {func(s *scope) { settledBefore(s, 3); s.outcome = reconcile.Retry(errors.New("boom")) }, "True/Settled/"},
		"an error, older settled": {
			func(s *scope) { settledBefore(s, 2); s.outcome = reconcile.Retry(errors.New("boom")) }, "False/Retrying/trying again: boom",
		},
		"an error hides no failure": {func(s *scope) {
			settledBefore(s, 3)
			running("False", "Starting", "")(s)
			s.outcome = reconcile.Retry(errors.New("boom"))
		}, "False/Retrying/trying again: boom"},
		"deleting": {func(s *scope) {
			s.app.DeletionTimestamp = new(metav1.NewTime(s.now))
			s.outcome = reconcile.Wait("for rd", 0)
		}, "False/Deleting/for rd"},
	} {
		t.Run(name, func(t *testing.T) {
			s := settledScope()
			test.change(s)
			c := meta.FindStatusCondition(status(s).Conditions, appv1.ConditionSettled)
			if c == nil {
				t.Fatal("no condition")
			}
			if got := string(c.Status) + "/" + c.Reason + "/" + c.Message; got != test.want || c.ObservedGeneration != 3 {
				t.Errorf("got %q for generation %d, want %q", got, c.ObservedGeneration, test.want)
			}
		})
	}
}

// withEngine changes a scope to one whose container engine was verified, and then as change says. A
// nil change means that it was not verified yet.
func withEngine(change func(*scope)) func(*scope) {
	return func(s *scope) {
		s.engineControllerEnabled = true
		if change == nil {
			return
		}
		s.app.Spec.ContainerEngine.Name = appv1.EngineMoby
		s.limaVM.Status.RestartCount = 4
		s.app.Status.ContainerEngine = appv1.ContainerEngineStatus{Name: appv1.EngineMoby, RestartCount: 4}
		s.app.Status.Conditions = []metav1.Condition{
			{Type: appv1.ConditionContainerEngineReady, Status: "True", Reason: "Connected", ObservedGeneration: 3},
		}
		change(s)
	}
}

func settledBefore(s *scope, generation int64) {
	s.app.Status.Conditions = []metav1.Condition{{Type: "Settled", Status: "True", Reason: "Settled", ObservedGeneration: generation}}
}

func TestMirroredConditionsComeAndGo(t *testing.T) {
	s := settledScope()
	s.app.Status = status(s)
	if c := meta.FindStatusCondition(s.app.Status.Conditions, "Running"); c == nil || c.ObservedGeneration != 3 {
		t.Fatalf("not mirrored under our generation: %+v", c)
	}
	unread := settledScope()
	unread.app.Status, unread.limaVMRead, unread.limaVM = s.app.Status, false, nil
	unread.outcome = reconcile.Retry(errors.New("boom"))
	if got := status(unread).Conditions; len(got) != 3 {
		t.Errorf("what was not read is not forgotten: %+v", got)
	}
	unread.limaVMRead = true
	unread.outcome = reconcile.Wait("for rd", 0)
	if got := status(unread).Conditions; len(got) != 1 || got[0].Type != "Settled" {
		t.Errorf("without a LimaVM there is nothing to mirror: %+v", got)
	}
}
