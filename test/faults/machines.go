// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

const (
	machineName = "one"
	// strangerUID is the UID of a LimaVM that does not exist.
	strangerUID = "00000000-dead-4000-8000-000000000000"
	goodYAML    = "images: [{location: 'rdd:docker'}]\nparam: {greeting: hello}\n"
	otherYAML   = "cpus: 3\n" + goodYAML
	// hatedYAML is accepted by admission and refused by the engine.
	hatedYAML = "cpus: 1\n" + goodYAML
)

var machineKey = client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: machineName}

// machinePairs returns the pairs about a LimaVM that a user has created.
func machinePairs() []pair {
	up, down := makeMachine(nil, true), makeMachine(nil, false)
	removal := deleteMachine(machineKey)
	reset := inTurn("create, reset", 0, up, asking("reset", limav1.AnnotationResetRequested, true, 0))
	pairOn := func(name string, set stage, there, back stage) pair {
		return pair{name: name, setUp: set.act, tearDown: removal.act, there: there, back: back}
	}
	edit := func(name, yaml string, starts int64) stage { return editMachine(name, templateEdit(yaml), starts) }
	cut := func(name string, first stage, stop func(*harness) bool) stage {
		return stage{name: name, partial: true, act: func(ctx context.Context, h *harness) error { return h.cut(ctx, first, stop) }}
	}
	return []pair{
		{name: "LimaVM", clean: true, there: down, back: removal},
		{name: "running LimaVM", clean: true, there: up, back: removal},
		pairOn(
			"machine power", down, patchMachine("start", `{"spec":{"running":true}}`, 1), patchMachine("stop", `{"spec":{"running":false}}`, 0),
		),
		pairOn("force", up, asking("force to stop", limav1.AnnotationForceStop, false, 0), patchMachine("start", `{"spec":{"running":true}}`, 1)),
		pairOn("edit", up, edit("edit", otherYAML, 1), edit("revert", goodYAML, 1)),
		pairOn("edit while stopped", down, edit("edit", otherYAML, 0), edit("revert", goodYAML, 0)),
		pairOn(
			"labels", up, editMachine("label", `{"metadata":{"labels":{"a":"b"}}}`, 0),
			editMachine("remove it", `{"metadata":{"labels":{"a":null}}}`, 0),
		),
		pairOn(
			"params", up, patchMachine("set", `{"spec":{"params":{"greeting":"hej"}}}`, 1), patchMachine("unset", `{"spec":{"params":null}}`, 1),
		),
		pairOn("refused edit", up, edit("edit", hatedYAML, 0), edit("revert", goodYAML, 0)),
		pairOn(
			"restart", up, asking("restart", limav1.AnnotationRestartRequested, true, 1),
			asking("again", limav1.AnnotationRestartRequested, true, 1),
		),
		pairOn("reset", up, asking("reset", limav1.AnnotationResetRequested, true, 1), asking("again", limav1.AnnotationResetRequested, true, 1)),
		pairOn(
			"reset while stopped", down, asking("reset", limav1.AnnotationResetRequested, false, 0),
			asking("again", limav1.AnnotationResetRequested, false, 0),
		),
		{
			name: "deleted while resetting", setUp: nil, clean: true,
			there: cut("begin to reset", up, func(h *harness) bool { return h.states[machineName].Phase == vm.PhaseRunning }),
			back:  resetAndDelete(),
		},
		{name: "deleted while restarting", clean: true, there: cut("up", up, nil), back: editAndDelete()},
		{
			name: "machine deleted while creating", clean: true,
			there: cut("begin to create", up, func(h *harness) bool { return h.states[machineName].Phase == vm.PhaseCreating }), back: removal,
		},
		{name: "machine made again", clean: true, there: inTurn("create, delete, create", 1, up, removal, up), back: removal},
		{name: "adoption", clean: true, there: adopt(), back: removal},
		{
			name: "directory in the way", setUp: leaveDirectory, tearDown: removeDirectory, there: makeMachine(nil, false),
			back: besideDirectory(removal),
		},
		pairOn("lost while stopped", down, lose("lose", false), bringBack(0)),
		pairOn("lost while running", up, lose("lose", true), bringBack(1)),
		pairOn("reset while lost", reset, lose("lose", true), asking("reset", limav1.AnnotationResetRequested, true, 1)),
		{name: "deleted while lost", clean: true, there: inTurn("create, lose", 0, up, lose("lose", false)), back: removal},
		{name: "deleted while damaged", clean: true, there: inTurn("create, damage", 0, up, damageRecord()), back: aside(removal)},
		pairOn("reset while damaged", reset, damageRecord(), asking("reset", limav1.AnnotationResetRequested, true, 1)),
		{
			name: "rename", setUp: inTurn("", 0, down, renameMachine("one", "two"), renameMachine("two", "one")).act, tearDown: removal.act,
			there: renameMachine("one", "two"), back: renameMachine("two", "one"),
		},
		pairOn("renaming withdrawn", down, renameAndWithdraw("one", "two"), renameAndWithdraw("one", "two")),
		{
			name: "renaming withdrawn at once", setUp: down.act, tearDown: removal.act,
			there: cut("ask for it", renameMachine("one", "two"), func(*harness) bool { return true }), back: withdrawRenaming("two"),
		},
		{name: "namespace", clean: true, simulated: true, there: inNamespace(), back: deleteNamespace()},
	}
}

// machine returns a LimaVM and its source ConfigMap.
func machine(key client.ObjectKey, annotations map[string]string, running bool) []client.Object {
	source := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name + "-source"}}
	source.Labels = map[string]string{limav1.LabelSourceOf: key.Name}
	source.Data = map[string]string{limav1.TemplateKey: goodYAML}
	limaVM := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Annotations: annotations}}
	limaVM.Spec = limav1.LimaVMSpec{TemplateRef: limav1.TemplateReference{Name: source.Name}, Running: running}
	return []client.Object{source, limaVM}
}

// create creates objects as a user.
func (h *harness) create(ctx context.Context, objects ...client.Object) error {
	for _, obj := range objects {
		if err := h.user.Create(ctx, obj); err != nil {
			return err
		}
		h.wrote(ctx, obj)
	}
	return nil
}

func makeMachine(annotations map[string]string, running bool) stage {
	s := stage{name: "create", act: func(ctx context.Context, h *harness) error {
		h.world.Refuse("cpus: 1\n", &vm.InvalidSpecError{Field: "cpus", Reason: "must not be 1"})
		if err := h.create(ctx, machine(machineKey, annotations, running)...); err != nil {
			return err
		}
		return h.drive(ctx, h.stop)
	}}
	if running {
		s.starts = 1
	}
	return s
}

// cut runs a stage until stop returns true.
func (h *harness) cut(ctx context.Context, s stage, stop func(*harness) bool) error {
	if stop != nil {
		h.stop = func() bool { return stop(h) }
		defer func() { h.stop = nil }()
	}
	return s.act(ctx, h)
}

func deleteMachine(key client.ObjectKey) stage {
	return stage{name: "delete", act: func(ctx context.Context, h *harness) error {
		limaVM := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
		if err := h.user.Delete(ctx, limaVM); err != nil {
			return err
		}
		h.wrote(ctx, limaVM)
		return h.drive(ctx, nil)
	}}
}

// change patches an object as a user.
func (h *harness) change(ctx context.Context, obj client.Object, patch string) error {
	if err := h.user.Patch(ctx, obj, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		return err
	}
	h.wrote(ctx, obj)
	return nil
}

func (h *harness) changeMachine(ctx context.Context, patch string) error {
	return h.change(ctx, &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: machineKey.Namespace, Name: machineKey.Name}}, patch)
}

func (h *harness) changeTemplate(ctx context.Context, patch string) error {
	return h.change(
		ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: machineKey.Namespace, Name: machineKey.Name + limav1.TemplateSuffix}},
		patch,
	)
}

func patchMachine(name, patch string, starts int64) stage {
	return stage{name: name, starts: starts, act: func(ctx context.Context, h *harness) error {
		if err := h.changeMachine(ctx, patch); err != nil {
			return err
		}
		return h.drive(ctx, nil)
	}}
}

func templateEdit(yaml string) string { return fmt.Sprintf(`{"data":{"template":%q}}`, yaml) }

func editMachine(name, patch string, starts int64) stage {
	return stage{name: name, starts: starts, act: func(ctx context.Context, h *harness) error {
		if err := h.changeTemplate(ctx, patch); err != nil {
			return err
		}
		return h.drive(ctx, nil)
	}}
}

// annotated returns a patch with a request annotation of a new value.
func (h *harness) annotated(annotation string, running bool) string {
	h.asked++
	value := time.Unix(1_700_000_000+h.asked, 0).UTC().Format(time.RFC3339)
	return fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}},"spec":{"running":%v}}`, annotation, value, running)
}

// asking is a stage that makes a request by annotation.
func asking(name, annotation string, running bool, starts int64) stage {
	return stage{name: name, starts: starts, act: func(ctx context.Context, h *harness) error {
		if err := h.changeMachine(ctx, h.annotated(annotation, running)); err != nil {
			return err
		}
		return h.drive(ctx, nil)
	}}
}

// inTurn joins several stages to one.
func inTurn(name string, starts int64, stages ...stage) stage {
	return stage{name: name, starts: starts, act: func(ctx context.Context, h *harness) error {
		for _, s := range stages {
			if err := s.act(ctx, h); err != nil {
				return err
			}
		}
		return nil
	}}
}

// resetAndDelete deletes the LimaVM while its instance is being reset.
func resetAndDelete() stage {
	return stage{name: "reset, delete", act: func(ctx context.Context, h *harness) error {
		if err := h.changeMachine(ctx, h.annotated(limav1.AnnotationResetRequested, true)); err != nil {
			return err
		}
		if err := h.drive(ctx, func() bool { return h.states[machineName].Phase == vm.PhaseDeleting }); err != nil {
			return err
		}
		return deleteMachine(machineKey).act(ctx, h)
	}}
}

// editAndDelete deletes the LimaVM while its machine is being restarted.
func editAndDelete() stage {
	return stage{name: "edit, delete", act: func(ctx context.Context, h *harness) error {
		if err := h.changeTemplate(ctx, templateEdit(otherYAML)); err != nil {
			return err
		}
		if err := h.drive(ctx, func() bool { return h.states[machineName].Phase == vm.PhaseStopping }); err != nil {
			return err
		}
		return deleteMachine(machineKey).act(ctx, h)
	}}
}

// leaveDirectory creates an instance whose LimaVM does not exist.
func leaveDirectory(ctx context.Context, h *harness) error {
	err := h.world.Open().Apply(ctx, vm.Spec{
		Name: machineName, Template: []byte(goodYAML), Revision: "theirs",
		Owner: vm.Owner{UID: strangerUID, Namespace: machineKey.Namespace, Name: machineName},
	})
	for h.world.Advance() {
		continue
	}
	h.states[machineName], _ = h.world.Peek(machineName)
	return err
}

func removeDirectory(ctx context.Context, h *harness) error {
	err := h.world.Open().Delete(ctx, vm.Owner{UID: strangerUID}, machineName)
	for h.world.Advance() {
		continue
	}
	return err
}

// besideDirectory checks, after a LimaVM was deleted, that the foreign instance of its name is
// unchanged.
func besideDirectory(s stage) stage {
	act := s.act
	s.act = func(ctx context.Context, h *harness) error {
		if err := act(ctx, h); err != nil {
			return err
		}
		if state, _ := h.world.Peek(machineName); state.Owner.UID != strangerUID || state.Phase != vm.PhaseStopped || state.Revision != "theirs" {
			return fmt.Errorf("invariant broken: a foreign instance was touched: %+v", state)
		}
		return nil
	}
	return s
}

// adopt creates a LimaVM that adopts an unclaimed instance.
func adopt() stage {
	create := makeMachine(map[string]string{limav1.AnnotationAdoptFrom: strangerUID}, false)
	return stage{name: "adopt", act: func(ctx context.Context, h *harness) error {
		if err := leaveDirectory(ctx, h); err != nil {
			return err
		}
		h.build() // the instance was created by another engine
		return create.act(ctx, h)
	}}
}

func inNamespace() stage {
	return stage{name: "create in a namespace", starts: 2, act: func(ctx context.Context, h *harness) error {
		objects := []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "vms"}}}
		for _, name := range []string{"one", "two"} {
			objects = append(objects, machine(client.ObjectKey{Namespace: "vms", Name: name}, nil, true)...)
		}
		if err := h.create(ctx, objects...); err != nil {
			return err
		}
		return h.drive(ctx, nil)
	}}
}

func deleteNamespace() stage {
	return stage{name: "delete the namespace", act: func(ctx context.Context, h *harness) error {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "vms"}}
		if err := h.user.Delete(ctx, ns); err != nil {
			return err
		}
		h.wrote(ctx, ns)
		return h.drive(ctx, nil)
	}}
}
