// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/fake"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// slowHost is an engine that must run a program to say why the home cannot be shown.
type slowHost struct {
	vm.Engine
	asked  atomic.Int32
	answer chan error
}

func (s *slowHost) HomeProblem(ctx context.Context) error {
	s.asked.Add(1)
	select {
	case err := <-s.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask passes the creation of an App to the named admission rule.
func ask(t *testing.T, all []rules.Rule, name string) admission.Response {
	t.Helper()
	object := `{"apiVersion": "app.rancherdesktop.io/v1alpha1", "kind": "App", "metadata": {"name": "app"},
		"spec": {"virtualMachine": {"cpus": 1, "memory": "4Gi"}}}`
	for _, rule := range all {
		if rule.Name != name {
			continue
		}
		request := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
			Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(object)},
		}}
		return rule.Handler.Handle(admission.NewContextWithRequest(t.Context(), request), request)
	}
	t.Fatalf("there is no rule %s", name)
	return admission.Response{}
}

// TestAdmissionDoesNotAskTheHost checks that admission rules use the result of the one check in the
// background, and do not wait for it.
func TestAdmissionDoesNotAskTheHost(t *testing.T) {
	machines := &slowHost{Engine: fake.New(), answer: make(chan error)}
	c := NewControllers(t.Context(), Values{
		Engines: Engines{Machines: machines}, Host: template.Host{Arch: template.ArchX8664, CPUs: 4, Memory: 16 << 30},
	}, nil)
	all := c.Rules()
	validate := func() (patches, warnings string) {
		t.Helper()
		defaults, validated := ask(t, all, "app-defaulter"), ask(t, all, "app-validator")
		if !defaults.Allowed || !validated.Allowed {
			t.Fatalf("refused: %v, %v", defaults.Result, validated.Result)
		}
		data, err := json.Marshal(defaults.Patches)
		if err != nil {
			t.Fatal(err)
		}
		return string(data), strings.Join(validated.Warnings, "\n")
	}
	if patches, warnings := validate(); !strings.Contains(patches, `"~"`) || warnings != "" {
		t.Errorf("before it is known: %s, %q", patches, warnings)
	}
	machines.answer <- errors.New("user namespaces are switched off")
	if err := c.home.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if patches, warnings := validate(); strings.Contains(patches, `"~"`) || !strings.Contains(warnings, "user namespaces are switched off") {
			t.Errorf("with a problem: %s, %q", patches, warnings)
		}
	}
	if n := machines.asked.Load(); n != 1 {
		t.Errorf("the host was asked %d times", n)
	}
}

func TestHomeCheck(t *testing.T) {
	if c := checkHome(t.Context(), fake.New()); c.wait(t.Context()) != nil || c.Problem() != nil {
		t.Error("an engine that cannot say has no problem")
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := checkHome(ctx, &slowHost{answer: make(chan error)})
	ended, end := context.WithCancel(t.Context())
	end()
	if err := c.wait(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting has ended before: %v", err)
	}
	cancel()
	if err := c.wait(t.Context()); err != nil || !errors.Is(c.Problem(), context.Canceled) {
		t.Errorf("a check that was called off: %v, %v", err, c.Problem())
	}
}
