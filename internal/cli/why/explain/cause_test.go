// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// now is the time of all tests.
var now = time.Date(2031, 1, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

func cond(name string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{
		Type: name, Status: status, Reason: reason, Message: message, ObservedGeneration: 2, LastTransitionTime: ago(12 * time.Second),
	}
}

// Conditions of a LimaVM.
var (
	made      = cond(limav1.ConditionCreated, metav1.ConditionTrue, limav1.ReasonCreated, "")
	making    = cond(limav1.ConditionCreated, metav1.ConditionUnknown, limav1.ReasonPending, "downloading image 42% (210 of 500 MB, 12 MB/s)")
	syncing   = cond(limav1.ConditionRunning, metav1.ConditionUnknown, limav1.ReasonReconciling, "downloading image 42%")
	up        = cond(limav1.ConditionRunning, metav1.ConditionTrue, limav1.ReasonStarted, "")
	down      = cond(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStopped, "")
	booting   = cond(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStarting, "booting 2/5")
	shutting  = cond(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStopping, "shutting down")
	installed = true
)

func notMade(message string) metav1.Condition {
	return cond(limav1.ConditionCreated, metav1.ConditionFalse, limav1.ReasonCreateFailed, message)
}

func notUp(message string) metav1.Condition {
	return cond(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStartFailed, message)
}

func pausedFor(reason string) metav1.Condition {
	return cond(limav1.ConditionRunning, metav1.ConditionFalse, reason, "paused")
}

// failed gives a LimaVM a failure.
func failed(machine *limav1.LimaVM, f limav1.Failure) *limav1.LimaVM {
	f.At = ago(12 * time.Second)
	machine.Status.Failure = &f
	return machine
}

// unmade is a failure to make a LimaVM, unstarted one to start it.
func unmade(kind vm.FaultKind, message string) limav1.Failure {
	return limav1.Failure{Operation: string(vm.OperationCreate), Kind: string(kind), Message: message}
}

func unstarted(kind vm.FaultKind, message string) limav1.Failure {
	return limav1.Failure{Operation: string(vm.OperationStart), Kind: string(kind), Message: message}
}

// hinted gives a failure its hint.
func hinted(f limav1.Failure, hint string) limav1.Failure {
	f.Hint = hint
	return f
}

// dev is a LimaVM of one's own that is to run.
func dev(conditions ...metav1.Condition) *limav1.LimaVM {
	return &limav1.LimaVM{
		ObjectMeta: metav1.ObjectMeta{Name: "dev", Namespace: "default", UID: "u", Generation: 2, Finalizers: []string{limav1.FinalizerCleanup}},
		Spec:       limav1.LimaVMSpec{Running: true}, Status: limav1.LimaVMStatus{Conditions: conditions},
	}
}

// rd is the App's LimaVM.
func rd(conditions ...metav1.Condition) *limav1.LimaVM {
	vm := dev(conditions...)
	vm.Name = appv1.LimaVMName
	vm.Finalizers = append(vm.Finalizers, appv1.FinalizerOwnedByApp)
	return vm
}

// with changes a LimaVM.
func with(vm *limav1.LimaVM, change func(*limav1.LimaVM)) *limav1.LimaVM {
	change(vm)
	return vm
}

func app(settled metav1.ConditionStatus, reason, message string) *appv1.App {
	return &appv1.App{
		ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName, Generation: 2, Finalizers: []string{appv1.FinalizerCleanup}},
		Spec:       appv1.AppSpec{Running: true, Namespace: "default"},
		Status:     appv1.AppStatus{Conditions: []metav1.Condition{cond(appv1.ConditionSettled, settled, reason, message)}},
	}
}

func settled() *appv1.App { return app(metav1.ConditionTrue, appv1.ReasonSettled, "") }

func waiting() *appv1.App {
	return app(metav1.ConditionFalse, appv1.ReasonWaitingForLimaVM, "booting 2/5")
}

// about are the facts of a LimaVM of one's own, with a daemon that runs.
func about(vm *limav1.LimaVM) Facts {
	return Facts{
		Now: now, Instance: "2", InstanceExists: true, Daemon: Daemon{Running: true}, VMName: "dev", VM: vm,
		BootLogs: []string{"serial", "qemu"},
	}
}

// aboutApp are those of the App.
func aboutApp(a *appv1.App, vm *limav1.LimaVM) Facts {
	f := about(vm)
	f.VMName, f.AboutApp, f.App = appv1.LimaVMName, true, a
	return f
}

// but changes facts.
func but(f Facts, change func(*Facts)) Facts {
	change(&f)
	return f
}

func died(d time.Duration, count int) Event {
	return Event{
		Time: now.Add(-d), Warning: true, On: "LimaVM", Reason: limav1.EventMachineDied, Count: count,
		Message: "the machine ended by itself and is started again: QEMU ended with signal 9\nits last words",
		Cause:   "QEMU ended with signal 9\nits last words",
	}
}

// wanted is what a cause must say.
type wanted struct {
	code    string
	blocked bool
	// says is how the summary begins; next is in what to do next, detail the first of the details.
	says, next, detail string
}

type causeCase struct {
	name  string
	facts Facts
	want  wanted
}

func checkCauses(t *testing.T, cases []causeCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			got := Find(tt.facts)
			if got.Code != tt.want.code || got.Blocked != tt.want.blocked || !strings.HasPrefix(got.Summary, tt.want.says) ||
				!strings.Contains(got.Next, tt.want.next) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if tt.want.next == "" && got.Next != "" {
				t.Errorf("there is nothing to do, and it says %q", got.Next)
			}
			if tt.want.detail != "" && (len(got.Detail) == 0 || got.Detail[0] != tt.want.detail) {
				t.Errorf("detail %q, want %q first", got.Detail, tt.want.detail)
			}
			if strings.Contains(got.Summary, "\n") || strings.HasSuffix(got.Summary, "..") {
				t.Errorf("not one sentence: %q", got.Summary)
			}
		})
	}
}

func TestControlPlane(t *testing.T) {
	deleting := func(finalizers ...string) *appv1.App {
		a := app(metav1.ConditionFalse, appv1.ReasonDeleting, "waiting for LimaVM \"default/rd\" to be gone")
		at := ago(time.Minute)
		a.DeletionTimestamp, a.Finalizers = &at, append(a.Finalizers, finalizers...)
		return a
	}
	newApp := settled()
	newApp.Generation = 3
	no := false
	checkCauses(t, []causeCase{
		{
			"no instance", Facts{Now: now, Instance: "7", AboutApp: true, VMName: "rd"},
			wanted{CodeNoInstance, true, `Nothing runs: instance "7" does not exist yet`, "rdd start", ""},
		},
		{
			"daemon down", but(aboutApp(nil, nil), func(f *Facts) { f.Daemon = Daemon{LastErrors: []string{"boom"}} }),
			wanted{CodeDaemonDown, true, "The daemon is not running, so nothing is started", "rdd service start", "boom"},
		},
		{
			"daemon down, machine up", but(aboutApp(nil, nil), func(f *Facts) { f.Daemon, f.Directory.Machine = Daemon{}, true }),
			wanted{CodeDaemonDown, true, "The daemon is not running; the VM's machine goes on running", "rdd service start", ""},
		},
		{
			"daemon down, named machine up", but(about(nil), func(f *Facts) { f.Daemon, f.Directory.Machine = Daemon{}, true }),
			wanted{CodeDaemonDown, true, `The daemon is not running; LimaVM "dev"'s machine goes on`, "rdd service start", ""},
		},
		{
			"daemon starting", but(aboutApp(nil, nil), func(f *Facts) { f.Daemon = Daemon{Changing: true} }),
			wanted{CodeDaemonChanging, false, "The daemon is starting or stopping", "rdd service status", ""},
		},
		{
			"store full", but(aboutApp(nil, nil), func(f *Facts) {
				f.Daemon.Problem, f.Store = "refused", Store{Problem: "no room: 12 MB are free", Full: true, Dir: "/data"}
			}),
			wanted{CodeStoreFull, true, "The store is full, so nothing new can be made: no room: 12 MB are free", "make room in /data;", ""},
		},
		{
			"store fails", but(aboutApp(nil, nil), func(f *Facts) { f.Store = Store{Problem: "input/output error"} }),
			wanted{CodeStoreFailing, true, "The store fails, so nothing can be changed: input/output error", "rdd service logs", ""},
		},
		{
			"objects that cannot be read", but(about(dev(made, up)), func(f *Facts) { f.Store = Store{Bad: "/registry/configmaps/default/x"} }),
			wanted{
				CodeStoreFailing, true, "The store has objects that cannot be read: /registry/configmaps/default/x",
				"rdd service restore, or set them aside: rdd service repair --quarantine KEY", "",
			},
		},
		{
			"daemon silent", but(aboutApp(nil, nil), func(f *Facts) { f.Daemon.Problem = "connection refused" }),
			wanted{CodeDaemonSilent, true, "The daemon cannot be asked: connection refused", "rdd service logs", ""},
		},
		{"no App", aboutApp(nil, nil), wanted{CodeNoApp, true, "There is no App yet", "rdd start", ""}},
		{"no App matters to the App only", about(dev(made, up)), wanted{CodeNone, false, `LimaVM "dev" runs`, "", ""}},
		{
			"a controller is missing", but(aboutApp(settled(), nil), func(f *Facts) { f.Daemon.Disabled = []string{"app"} }),
			wanted{CodeController, true, `Nobody acts: instance "2" was made without the controller "app"`, "rdd --instance NAME", ""},
		},
		{
			"a controller that does not matter", but(about(dev(made, up)), func(f *Facts) { f.Daemon.Disabled = []string{"app"} }),
			wanted{CodeNone, false, "", "", ""},
		},
		{
			"the LimaVM controller is missing", but(about(dev()), func(f *Facts) { f.Daemon.Disabled = []string{"limavm"} }),
			wanted{CodeController, true, "Nobody acts", "rdd --instance NAME", ""},
		},
		{
			"a controller is missing in this run",
			but(aboutApp(settled(), nil), func(f *Facts) { f.Daemon.Disabled, f.Daemon.DisabledNow = []string{"app"}, true }),
			wanted{CodeController, true, `Nobody acts: the daemon was started without the controller "app"`, "rdd service start", ""},
		},
		{
			"without its controller a deletion goes on",
			but(aboutApp(deleting(), nil), func(f *Facts) { f.Daemon.Disabled = []string{"app", "limavm"} }),
			wanted{CodeDeleting, false, "The App is being deleted", "rdd delete", ""},
		},
		{
			"App deleting", aboutApp(deleting(), nil), wanted{CodeDeleting, false, "The App is being deleted: waiting for LimaVM", "rdd delete", ""},
		},
		{
			"App held by a stranger", aboutApp(deleting("example.com/hold"), nil),
			wanted{
				CodeFinalizer, true, `The deletion of the App waits for the finalizer "example.com/hold", which is not rdd's`, "rdd ctl edit app/app",
				"",
			},
		},
		{
			"foreign object",
			aboutApp(app(metav1.ConditionFalse, appv1.ReasonForeignObject, `LimaVM "default/rd" exists and does not belong to App "app"`), nil),
			wanted{CodeForeign, true, `The App cannot make its VM: LimaVM "default/rd" exists`, "rdd ctl get limavm", ""},
		},
		{
			"bootstrap failed", aboutApp(app(metav1.ConditionFalse, appv1.ReasonBootstrapFailed, "failed to render"), nil),
			wanted{CodeBootstrap, true, "The App cannot make its VM: failed to render", "rdd set PROPERTY=VALUE", ""},
		},
		{
			"retrying", aboutApp(app(metav1.ConditionFalse, appv1.ReasonRetrying, "trying again: timeout"), rd(made, up)),
			wanted{CodeRetrying, true, "The App's controller meets an error", "rdd service logs", ""},
		},
		{
			"no LimaVM yet", aboutApp(app(metav1.ConditionFalse, appv1.ReasonWaitingForLimaVM, "waiting for Namespace \"x\""), nil),
			wanted{CodeNoVM, false, "The App has no LimaVM yet: waiting for Namespace", "rdd start", ""},
		},
		{
			"App not looked at", aboutApp(newApp, nil),
			wanted{CodeNoVM, false, "The App has no LimaVM yet: its controller has not looked", "rdd start", ""},
		},
		{
			"Docker away", but(aboutApp(settled(), rd(made, up)), func(f *Facts) { f.Docker = &no }),
			wanted{
				CodeEngine, true, "The VM runs, but the container engine in it is not ready: it does not answer", "rdd shell systemctl status docker",
				"",
			},
		},
		{
			"Docker answers", but(aboutApp(settled(), rd(made, up)), func(f *Facts) { f.Docker = &installed }),
			wanted{CodeNone, false, "The VM runs: nothing blocks it", "", ""},
		},
		{"engine not seen since the stop", aboutApp(func() *appv1.App {
			a := app(metav1.ConditionFalse, "WaitingForEngine", "waiting for the container engine controller")
			a.Status.Conditions = append(a.Status.Conditions,
				cond("ContainerEngineReady", metav1.ConditionFalse, appv1.ReasonStopped, "the machine does not run"))
			return a
		}(), rd(made, up)), wanted{
			CodeEngine, false,
			"The VM runs, but the container engine in it is not ready: waiting for the container engine controller",
			"nothing to do but wait", "",
		}},
		{"engine not ready", aboutApp(func() *appv1.App {
			a := app(metav1.ConditionFalse, "WaitingForEngine", "docker starts")
			a.Status.Conditions = append(a.Status.Conditions, cond("ContainerEngineReady", metav1.ConditionFalse, "ConnectFailed", "no route"))
			return a
		}(), rd(made, up)), wanted{
			CodeEngine, true, "The VM runs, but the container engine in it is not ready: no route", "systemctl status docker", "",
		}},
		{
			"applying the template", aboutApp(app(metav1.ConditionFalse, appv1.ReasonApplyingTemplate, ""), rd(made, up)),
			wanted{CodeApplying, false, "The App was changed, and the change is being carried over to its VM", "nothing", ""},
		},
		{
			"not settled for another reason", aboutApp(app(metav1.ConditionFalse, "EngineStale", ""), rd(made, up)),
			wanted{CodeSettling, false, "The App is not settled: EngineStale", "rdd status", ""},
		},
	})
}

func TestMaking(t *testing.T) {
	left := Directory{Path: "/l/dev", Exists: true, OwnerUID: "x", OwnerNamespace: "work", OwnerName: "dev"}
	taken := cond(
		limav1.ConditionCreated, metav1.ConditionFalse, limav1.ReasonNameTaken, `an instance directory "dev" that rdd did not make is in the way`,
	)
	owned := aboutApp(
		waiting(),
		failed(
			rd(notMade("failed to validate template: field `cpus` must be at most 2")),
			unmade(vm.FaultSpec, "failed to validate template: field `cpus` must be at most 2"),
		),
	)
	const arch = "failed to validate template: field `arch` must be …\nsee above"
	const host, hint = "this host lacks mmdebstrap", "sudo apt-get install mmdebstrap"
	const space, broke = "this host lacks 3 GiB of disk space in /home", "the download of https://example.com/x.img broke off after 3 MB of " +
		"5 MB: reset"
	const debs, lost = "building image docker: mmdebstrap ended with 25:\nE: unable to fetch", "https://example.com/x.img is not available: " +
		"the server answers 404"
	const wrong = "https://example.com/x.img is not the file that the template means: its digest is sha256:1, the template wants sha256:2; " +
		"correct the digest or the location"
	noSource := unmade(vm.FaultSpec, `the source ConfigMap "default/dev" does not exist`)
	noSource.Field = limav1.FieldTemplateRef
	checkCauses(t, []causeCase{
		{"no such LimaVM", about(nil), wanted{CodeNoVM, true, `There is no LimaVM "dev" in any namespace`, "rdd limavm list", ""}},
		{
			"only its directory", but(about(nil), func(f *Facts) { f.Directory = left }),
			wanted{CodeUnclaimed, true, `There is no LimaVM "dev" any more, but its instance directory is left: /l/dev`, "rdd limavm adopt dev", ""},
		},
		{
			"only a foreign directory", but(about(nil), func(f *Facts) { f.Directory = Directory{Exists: true, Foreign: true} }),
			wanted{CodeNoVM, true, `There is no LimaVM "dev"`, "rdd limavm list", ""},
		},
		{
			"a directory in the way",
			but(about(dev(taken, syncing)), func(f *Facts) { f.Directory = Directory{Path: "/l/dev", Exists: true, Foreign: true} }),
			wanted{CodeNameTaken, true, `LimaVM "dev" cannot be made: an instance directory "dev" that rdd did not make`, "move /l/dev away", ""},
		},
		{
			"the directory has vanished",
			but(about(dev(
				cond(limav1.ConditionCreated, metav1.ConditionFalse, limav1.ReasonInstanceLost, "the instance directory has vanished; x"), syncing,
			)), func(f *Facts) { f.Directory = Directory{Path: "/l/dev"} }),
			wanted{
				CodeInstanceLost, true, `The directory of LimaVM "dev" has vanished with its disk: /l/dev.`,
				"rdd limavm reset dev makes the machine anew",
				"",
			},
		},
		{
			"the disk of a machine that is up is gone",
			about(failed(dev(made, up), limav1.Failure{Kind: "Broken", Message: "the disk /l/dev/disk is gone", Hint: "bring it back"})),
			wanted{CodeDamaged, true, `LimaVM "dev" is up, but something of it is lost: the disk /l/dev/disk is gone`, "bring it back", ""},
		},
		{
			"another's directory in the way", but(about(dev(taken, syncing)), func(f *Facts) { f.Directory = left }),
			wanted{CodeNameTaken, true, `LimaVM "dev" cannot be made`, "rdd limavm delete dev --unclaimed", ""},
		},
		{
			"template refused", about(failed(dev(notMade("source ConfigMap default/dev: "+arch), syncing), unmade(vm.FaultSpec, arch))),
			wanted{
				CodeTemplate, true, "LimaVM \"dev\" cannot be made: failed to validate template: field `arch`", "rdd limavm edit dev", "see above",
			},
		},
		{
			"template no YAML",
			about(failed(
				dev(notMade("x"), syncing), unmade(vm.FaultSpec, "failed to parse template: did not find expected key (line 3, column 1)"),
			)),
			wanted{CodeTemplate, true, `LimaVM "dev" cannot be made: failed to parse template`, "rdd limavm edit dev", ""},
		},
		{
			"the App's template refused", owned,
			wanted{CodeTemplate, true, "The VM cannot be made: failed to validate template", "rdd ctl edit app app", ""},
		},
		{
			"an edit refused while it runs",
			about(failed(dev(notMade("x"), up), unmade(vm.FaultSpec, "failed to validate template: field `disk` cannot shrink"))),
			wanted{
				CodeTemplate, true, `LimaVM "dev" runs, but cannot become what its template says now: failed to validate`, "rdd limavm edit dev", "",
			},
		},
		{
			"tools missing", about(failed(dev(notMade(host+"; to cure it: "+hint), syncing), hinted(unmade(vm.FaultHost, host), hint))),
			wanted{
				CodeHostLacks, true, `LimaVM "dev" cannot be made: this host lacks mmdebstrap.`,
				"sudo apt-get install mmdebstrap, then rdd limavm start dev", "",
			},
		},
		{
			"tools missing for the App",
			aboutApp(waiting(), failed(rd(notMade("building image docker: "+space), syncing), unmade(vm.FaultHost, space))),
			wanted{CodeHostLacks, true, "The VM cannot be made: this host lacks 3 GiB of disk space in /home.", "provide it, then rdd start", ""},
		},
		{
			"disk full",
			about(failed(dev(notMade("x"), syncing), unmade(vm.FaultDiskFull, "making the disk: write /l/dev/disk: no space left on device"))),
			wanted{CodeDiskFull, true, `LimaVM "dev" cannot be made: the disk is full`, "rdd image prune", ""},
		},
		{
			"image not built", about(failed(dev(notMade(debs), syncing), unmade(vm.FaultImage, debs))),
			wanted{CodeImage, true, `LimaVM "dev" cannot be made: building image docker: mmdebstrap ended`, "tries again", "E: unable to fetch"},
		},
		{
			"image not found", about(failed(dev(notMade(lost), syncing), unmade(vm.FaultImageMissing, lost))),
			wanted{
				CodeImage, true, `LimaVM "dev" cannot be made: https://example.com/x.img is not available: the server answers 404`,
				"make it available there, then rdd limavm start dev; or name another in the template: rdd limavm edit dev", "",
			},
		},
		{
			"image is no file",
			about(failed(dev(notMade(lost), syncing), hinted(unmade(vm.FaultImageMissing, "/x is not a file"), "put a regular file there"))),
			wanted{
				CodeImage, true, `LimaVM "dev" cannot be made: /x is not a file`,
				"put a regular file there, then rdd limavm start dev; or name another in the template: rdd limavm edit dev", "",
			},
		},
		{
			"image of the App's is not found", aboutApp(waiting(), failed(rd(notMade(lost), syncing), unmade(vm.FaultImageMissing, lost))),
			wanted{
				CodeImage, true, "The VM cannot be made: https://example.com/x.img is not available",
				"make it available there, then rdd start", "",
			},
		},
		{
			"what no attempt helps", about(failed(dev(notMade("x"), syncing), unmade(vm.FaultBroken, "x"))),
			wanted{CodeCreate, true, `LimaVM "dev" cannot be made: x`, "rdd limavm logs dev -n 50 shows more", ""},
		},
		{
			"wrong digest", about(failed(dev(notMade(wrong), syncing), unmade(vm.FaultImageInvalid, wrong))),
			wanted{CodeImage, true, `LimaVM "dev" cannot be made: https://example.com/x.img is not the file`, "rdd limavm edit dev", ""},
		},
		{
			"download broken off", about(failed(dev(notMade(broke), syncing), unmade(vm.FaultImage, broke))),
			wanted{CodeImage, true, `LimaVM "dev" cannot be made: the download of`, "rdd limavm start dev", ""},
		},
		{
			"no source", about(failed(dev(notMade("x"), syncing), noSource)),
			wanted{
				CodeCreate, true, `LimaVM "dev" cannot be made: the source ConfigMap "default/dev" does not exist`, "rdd limavm start dev tries again",
				"",
			},
		},
		{
			"another failure", about(failed(dev(notMade("x"), syncing), unmade(vm.FaultBroken, "the instance is broken: rdd.json is damaged"))),
			wanted{CodeCreate, true, `LimaVM "dev" cannot be made: the instance is broken`, "rdd limavm logs dev", ""},
		},
		{
			"a failure of a kind that this rdd does not know", about(failed(dev(notMade("x"), syncing), unmade("Mood", "it is sad"))),
			wanted{CodeCreate, true, `LimaVM "dev" cannot be made: it is sad`, "rdd limavm logs dev", ""},
		},
		{
			"a failure of another operation", about(failed(dev(notMade("the instance is broken"), syncing), unstarted(vm.FaultBoot, "no boot"))),
			wanted{CodeCreate, true, `LimaVM "dev" cannot be made: the instance is broken`, "rdd limavm logs dev", ""},
		},
		{
			"a failure of an older rdd", about(dev(notMade("the instance is broken: rdd.json is damaged"), syncing)),
			wanted{CodeCreate, true, `LimaVM "dev" cannot be made: the instance is broken`, "rdd limavm logs dev", ""},
		},
		{
			"an image under way", about(dev(making, syncing)),
			wanted{
				CodeCreating, false, `LimaVM "dev" is being made: downloading image 42% (210 of 500 MB, 12 MB/s) for 12s.`, "nothing to do but wait",
				"",
			},
		},
	})
}

func TestPower(t *testing.T) {
	const text = "the guest's provision script failed with exit code 1: + apt-get install foo\nE: Unable to locate package foo\n"
	script := unstarted(
		vm.FaultScript, "a provisioning script failed with exit code 1\n+ apt-get install foo\nE: Unable to locate package foo",
	)
	bootScript := unstarted(vm.FaultScript, "a script that prepares the boot failed with exit code 2\nnope")
	hostLacks := hinted(unstarted(vm.FaultHost, "this host lacks qemu-system-x86_64"), "sudo apt-get install qemu-system-x86")
	ended := limav1.Failure{Operation: string(vm.OperationRun), Kind: string(vm.FaultProcessEnded), Message: "QEMU ended with signal 9"}
	gone := hinted(unstarted(vm.FaultBroken, "/x/basedisk is missing"), "bring it back")
	hanging := shutting
	hanging.LastTransitionTime = ago(5 * time.Minute)
	stopFailed := cond(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStopFailed, "QMP does not answer")
	recent := []Event{{Time: now.Add(-20 * time.Second), On: "LimaVM", Reason: limav1.ReasonStopping, Count: 1}}
	stopped := func(vm *limav1.LimaVM) { vm.Spec.Running = false }
	pending := func(vm *limav1.LimaVM) { vm.Status.RestartNeeded = true }
	conflict := func(vm *limav1.LimaVM) {
		vm.Status.PortForwards = []limav1.PortForward{
			{Protocol: "tcp", Host: "127.0.0.1:8080", Guest: "127.0.0.1:80", Error: "address already in use"},
		}
	}
	broken := func(vm *limav1.LimaVM) {
		vm.Status.FailedUnits = []limav1.FailedUnit{{Name: "containerd.service", Reason: "exit code 1"}, {Name: "docker.service"}}
	}
	own := func(vm *limav1.LimaVM) {
		vm.Status.PortForwards = []limav1.PortForward{{Protocol: "tcp", Guest: "10.0.2.15:80", Error: "on an address of the guest's own"}}
	}
	held := func(finalizers ...string) func(*limav1.LimaVM) {
		return func(vm *limav1.LimaVM) {
			at := ago(30 * time.Second)
			vm.DeletionTimestamp, vm.Finalizers = &at, append(vm.Finalizers, finalizers...)
		}
	}
	checkCauses(t, []causeCase{
		{"runs", about(dev(made, up)), wanted{CodeNone, false, `LimaVM "dev" runs: nothing blocks it.`, "", ""}},
		{"a port of the guest's own", about(with(dev(made, up), own)), wanted{CodeNone, false, `LimaVM "dev" runs: nothing blocks it.`, "", ""}},
		{
			"stopped", about(with(dev(made, down), stopped)),
			wanted{CodeNone, false, `LimaVM "dev" is stopped, as it should be`, "rdd limavm start dev", ""},
		},
		{
			"runs, and files are missing", about(failed(dev(made, up), gone)),
			wanted{CodeStart, true, `LimaVM "dev" runs, but cannot be started again: /x/basedisk is missing`, "bring it back", ""},
		},
		{
			"stopped, and files are missing", about(failed(with(dev(made, down), stopped), gone)),
			wanted{CodeStart, true, `LimaVM "dev" cannot be started: /x/basedisk is missing`, "bring it back", ""},
		},
		{
			"stopped App", aboutApp(func() *appv1.App { a := settled(); a.Spec.Running = false; return a }(), with(rd(made, down), stopped)),
			wanted{CodeNone, false, "The VM is stopped, as it should be", "rdd start", ""},
		},
		{
			"boots", about(dev(made, booting)),
			wanted{CodeStarting, false, `LimaVM "dev" is starting: booting 2/5 for 12s.`, "nothing to do but wait", ""},
		},
		{
			"boots, as the hostagent says", but(about(dev(made, booting)), func(f *Facts) { f.Directory.StepSince = now.Add(-3 * time.Second) }),
			wanted{CodeStarting, false, `LimaVM "dev" is starting: booting 2/5 for 3s.`, "nothing", ""},
		},
		{"App boots", aboutApp(waiting(), rd(made, booting)), wanted{CodeStarting, false, "The VM is starting: booting 2/5", "nothing", ""}},
		{
			"boots again after a failure", about(failed(dev(made, booting), script)),
			wanted{
				CodeProvision, true,
				`LimaVM "dev" is starting again, and its last start failed: a provisioning script failed with exit code 1. It is at: booting 2/5.`,
				"rdd limavm edit dev", "+ apt-get install foo",
			},
		},
		{
			"boots after a failure that was cured", about(dev(made, booting)),
			wanted{CodeStarting, false, `LimaVM "dev" is starting: booting 2/5`, "nothing", ""},
		},
		{
			"script failed", about(failed(dev(made, notUp(text)), script)),
			wanted{
				CodeProvision, true, `LimaVM "dev" does not start: a provisioning script failed with exit code 1.`, "rdd limavm edit dev",
				"+ apt-get install foo",
			},
		},
		{
			"boot script failed", about(failed(dev(made, notUp("x")), bootScript)),
			wanted{CodeProvision, true, `LimaVM "dev" does not start: a script that prepares the boot failed`, "rdd limavm edit dev", "nope"},
		},
		{
			"the App's script failed", aboutApp(waiting(), failed(rd(made, notUp(text)), script)),
			wanted{CodeProvision, true, "The VM does not start: a provisioning script failed", "rdd limavm logs rd", "+ apt-get install foo"},
		},
		{
			"probe failed",
			about(failed(
				dev(made, notUp("x")), unstarted(vm.FaultProbe, "probes[1] (docker answers) has not passed: exit code 1: refused; look at systemctl"),
			)),
			wanted{
				CodeProbe, true, `LimaVM "dev" does not start: probes[1] (docker answers) has not passed: exit code 1: refused; look at systemctl`,
				"rdd limavm edit dev", "",
			},
		},
		{
			"probe without a name failed",
			about(failed(dev(made, notUp("x")), unstarted(vm.FaultProbe, "probes[0] has not passed: exit code 1: ; "))),
			wanted{CodeProbe, true, `LimaVM "dev" does not start: probes[0] has not passed`, "rdd limavm edit dev", ""},
		},
		{
			"no boot", about(failed(dev(made, notUp("x")), unstarted(vm.FaultBoot, "the guest does not boot: rdd: the boot script failed\nline"))),
			wanted{CodeBoot, true, `LimaVM "dev" does not start: the guest does not boot`, "rdd limavm logs dev -n 50 -o serial,qemu", "line"},
		},
		{
			"no boot, and the engine keeps other logs",
			but(about(failed(dev(made, notUp("x")), unstarted(vm.FaultBoot, "the guest does not boot: no"))), func(f *Facts) { f.BootLogs = nil }),
			wanted{CodeBoot, true, `LimaVM "dev" does not start: the guest does not boot`, "rdd limavm logs dev -n 50", ""},
		},
		{
			"no login",
			about(failed(
				dev(made, notUp("x")), unstarted(vm.FaultBoot, "the guest has not let us in within 10m0s: timeout; QEMU's last words: (none)"),
			)),
			wanted{CodeBoot, true, `LimaVM "dev" does not start: the guest has not let us in`, "logs dev", ""},
		},
		{
			"no boot, and it may be KVM",
			about(failed(dev(made, notUp("x")), hinted(unstarted(vm.FaultBoot, "QEMU did not start: failed to set MSR"), "RDD_VM_ACCEL=tcg"))),
			wanted{
				CodeBoot, true, `LimaVM "dev" does not start: QEMU did not start`,
				"rdd limavm logs dev -n 50 -o serial,qemu; RDD_VM_ACCEL=tcg", "",
			},
		},
		{
			"no QEMU", about(failed(dev(made, notUp("x")), hostLacks)),
			wanted{
				CodeHostLacks, true, `LimaVM "dev" does not start: this host lacks qemu-system-x86_64.`,
				"sudo apt-get install qemu-system-x86, then rdd limavm start dev", "",
			},
		},
		{
			"port taken",
			about(failed(
				dev(made, notUp("x")), unstarted(vm.FaultPort, "port 60022 for ssh was taken meanwhile: could not set up host forwarding"),
			)),
			wanted{CodePortTaken, true, `LimaVM "dev" does not start: port 60022 for ssh was taken`, "end what uses the port", ""},
		},
		{
			"another failure", about(failed(dev(made, notUp("x")), unstarted(vm.FaultUnknown, "something new\nand more"))),
			wanted{CodeStart, true, `LimaVM "dev" does not start: something new`, "rdd limavm start dev", "and more"},
		},
		{
			"a failure of an older rdd", about(dev(made, notUp("something new\nand more"))),
			wanted{CodeStart, true, `LimaVM "dev" does not start: something new`, "rdd limavm start dev", "and more"},
		},
		{
			"dies again and again",
			but(about(dev(made, booting)), func(f *Facts) { f.Events = []Event{died(3*time.Minute, 1), died(20*time.Second, 3)} }),
			wanted{
				CodeCrashLoop, true, `LimaVM "dev" ends by itself again and again, 4 times lately, the last time 20s ago: QEMU ended with signal 9`,
				"rdd limavm logs dev", "its last words",
			},
		},
		{"died once", but(about(dev(made, booting)), func(f *Facts) {
			f.Events, f.VM.Status.Failure = []Event{died(20*time.Second, 1)}, &ended
		}), wanted{CodeStarting, false, `LimaVM "dev" is starting`, "nothing", ""}},
		{
			"died long ago", but(about(dev(made, up)), func(f *Facts) { f.Events = []Event{died(time.Hour, 5)} }),
			wanted{CodeNone, false, `LimaVM "dev" runs`, "", ""},
		},
		{
			"shuts down", about(with(dev(made, shutting), stopped)),
			wanted{CodeStopping, false, `LimaVM "dev" is shutting down: shutting down for 12s.`, "nothing", ""},
		},
		{
			"shuts down to restart", about(with(dev(made, shutting), pending)),
			wanted{CodeRestart, false, `LimaVM "dev" is shutting down to be started again`, "nothing", ""},
		},
		{
			"a shutdown hangs", but(about(with(dev(made, hanging), stopped)), func(f *Facts) { f.Console = []string{"A stop job is running"} }),
			wanted{
				CodeStopHangs, true, `LimaVM "dev" does not shut down: the guest was asked to 5m ago.`, "rdd limavm stop dev --force",
				"A stop job is running",
			},
		},
		{
			"was asked to stop just now", but(about(with(dev(made, hanging), stopped)), func(f *Facts) { f.Events = recent }),
			wanted{CodeStopping, false, `LimaVM "dev" is shutting down`, "nothing", ""},
		},
		{
			"the host's disk is full", about(failed(dev(made, pausedFor(limav1.ReasonHostDiskFull)), limav1.Failure{
				Operation: string(vm.OperationRun), Kind: string(vm.FaultDiskFull), Message: "the guest is paused: /d is full", Hint: "make room there",
			})),
			wanted{CodeDiskFull, true, `LimaVM "dev" does not go on: the guest is paused: /d is full.`, "make room there", ""},
		},
		{
			"the quota is used up", aboutApp(waiting(), rd(made, pausedFor(limav1.ReasonHostQuotaExceeded))),
			wanted{CodeDiskFull, true, "The VM does not go on: paused.", "make room there; the guest goes on by itself then", ""},
		},
		{
			"the host's disk fails", about(dev(made, pausedFor(limav1.ReasonHostDiskFailed))),
			wanted{CodePaused, true, `LimaVM "dev" does not go on: paused.`, "nothing to do but wait", ""},
		},
		{
			"somebody has paused it", about(dev(made, pausedFor(limav1.ReasonPaused))),
			wanted{CodePaused, true, `LimaVM "dev" does not go on: paused.`, "rdd limavm start dev, which resumes it", ""},
		},
		{
			"somebody has stopped its process", aboutApp(waiting(), rd(made, pausedFor(limav1.ReasonProcessStopped))),
			wanted{CodePaused, true, "The VM does not go on: paused.", "rdd start, which resumes it", ""},
		},
		{
			"it sleeps", about(dev(made, pausedFor(limav1.ReasonGuestSuspended))),
			wanted{CodePaused, false, `LimaVM "dev" does not go on: paused.`, "nothing to do but wait", ""},
		},
		{
			"cannot be stopped", about(with(dev(made, stopFailed), stopped)),
			wanted{CodeStop, true, `LimaVM "dev" cannot be stopped: QMP does not answer`, "rdd limavm stop dev --force", ""},
		},
		{
			"a restart is due", about(with(dev(made, up), pending)),
			wanted{CodeRestart, false, `LimaVM "dev" runs, and is about to be restarted`, "nothing", ""},
		},
		{
			"not looked at", about(with(dev(made, up), func(vm *limav1.LimaVM) { vm.Generation = 3 })),
			wanted{CodeUnobserved, false, `LimaVM "dev" was changed, and its controller has not looked`, "rdd service logs", ""},
		},
		{
			"new", about(dev()),
			wanted{CodeUnobserved, false, `LimaVM "dev" was changed, and its controller has not looked`, "rdd service logs", ""},
		},
		{
			"runs unasked", about(with(dev(made, up), stopped)),
			wanted{CodeUnobserved, false, `LimaVM "dev" is not as it should be yet`, "rdd service logs", ""},
		},
		{
			"a service of the guest fails", about(with(with(dev(made, up), broken), conflict)),
			wanted{
				CodeUnit, true, `LimaVM "dev" runs, but containerd.service fails in its guest: exit code 1.`,
				"rdd limavm shell dev sudo journalctl -u containerd.service", "docker.service",
			},
		},
		{
			"port conflict", about(with(dev(made, up), conflict)),
			wanted{
				CodePort, true, `LimaVM "dev" runs, but its port 127.0.0.1:80 cannot be reached at 127.0.0.1:8080: address already in use.`,
				"end what uses 127.0.0.1:8080", "",
			},
		},
		{
			"a socket of the guest that cannot be opened", about(with(dev(made, up), func(vm *limav1.LimaVM) {
				vm.Status.PortForwards = []limav1.PortForward{{Protocol: "unix", Host: "/h", Guest: "/g", Error: "no room", Reverse: true}}
			})),
			wanted{
				CodePort, true, `LimaVM "dev" runs, but its socket /g does not lead to the host's /h: no room.`, "portForwards of the template", "",
			},
		},
		{
			"is deleted", about(with(dev(made, shutting), held())),
			wanted{CodeDeleting, false, `LimaVM "dev" is being deleted: shutting down for 30s.`, "rdd limavm delete dev", ""},
		},
		{
			"deletion held by a stranger", about(with(dev(made, down), held("example.com/hold"))),
			wanted{
				CodeFinalizer, true, `The deletion of LimaVM "dev" waits for the finalizer "example.com/hold", which is not rdd's`,
				"rdd ctl edit limavm/dev -n default", "",
			},
		},
		{
			"deletion cannot stop it", about(with(dev(made, stopFailed), held())),
			wanted{CodeStop, true, `LimaVM "dev" cannot be stopped`, "--force", ""},
		},
		{
			"the App's is deleted", aboutApp(waiting(), with(rd(made, shutting), held())),
			wanted{CodeDeleting, false, `LimaVM "rd" is being deleted`, "rdd delete", ""},
		},
	})
}

// TestFineWithoutLimaVM: an App that was settled a moment ago may have lost its LimaVM since.
func TestFineWithoutLimaVM(t *testing.T) {
	f := aboutApp(settled(), nil)
	if c := f.fine(); c.Code != CodeNone || c.Summary == "" {
		t.Errorf("got %+v", c)
	}
}

// TestStoreFullAndPaused: the store cannot take what the engine knows of the guest.
func TestStoreFullAndPaused(t *testing.T) {
	f := but(about(dev(made, up)), func(f *Facts) {
		f.Store, f.Directory.Pause = Store{Problem: "no room", Full: true, Dir: "/data"}, "no room for its disk: 5 MB more must be free"
	})
	c := Find(f)
	if c.Code != CodeStoreFull || len(c.Detail) != 1 || !strings.Contains(c.Detail[0], `LimaVM "dev" does not go on: no room for its disk`) {
		t.Errorf("got %+v", c)
	}
}
