// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	apiextensionshelpers "k8s.io/apiextensions-apiserver/pkg/apihelpers"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	definitionrules "rancherdesktop.io/rdd/internal/rules/definitions"
	"rancherdesktop.io/rdd/internal/version"
)

// widgets returns a definition whose objects have these fields.
func widgets(fields ...string) *crd {
	schema := &apiextensionsv1.JSONSchemaProps{Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{}}
	for _, field := range fields {
		schema.Properties[field] = apiextensionsv1.JSONSchemaProps{Type: "string"}
	}
	return &crd{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets.test.rancherdesktop.io"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
			Name: "v1", Served: true, Storage: true, Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: schema},
		}}},
	}
}

// storedBy returns a definition as a build has installed it.
func storedBy(t *testing.T, build version.Build, definition *crd) *crd {
	t.Helper()
	text, err := json.Marshal(build)
	if err != nil {
		t.Fatal(err)
	}
	definition.Annotations = map[string]string{definitionrules.AnnotationHash: "another", definitionrules.AnnotationBuild: string(text)}
	return definition
}

// TestDefinitionsAreNotDowngraded checks which builds may replace which definitions, and what of
// them is kept.
func TestDefinitionsAreNotDowngraded(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }
	release := func(v string) version.Build { return version.Build{Version: v, Linked: at(1)} }
	commit := func(minute int) version.Build {
		return version.Build{Version: "v0.0.0-dev", Revision: at(minute).String(), Committed: at(minute), Linked: at(0)}
	}
	dirty := func(minute int) version.Build {
		return version.Build{Version: "v0.0.0-dev", Revision: "a", Modified: true, Linked: at(minute)}
	}
	for name, test := range map[string]struct {
		stored, own   version.Build
		present, next []string
		// refused is a part of the message; kept are the fields that are installed.
		refused string
		kept    []string
	}{
		"an upgrade":                        {release("v1.0.0"), release("v1.1.0"), []string{"a", "b"}, []string{"a"}, "", []string{"a"}},
		"a downgrade":                       {release("v1.1.0"), release("v1.0.0"), []string{"a", "b"}, []string{"a"}, "v1: b", nil},
		"a downgrade that loses no field":   {release("v1.1.0"), release("v1.0.0"), []string{"a"}, []string{"a"}, "the present widgets", nil},
		"the same release":                  {release("v1.0.0"), release("v1.0.0"), []string{"a", "b"}, []string{"a"}, "", []string{"a"}},
		"a release after development":       {commit(9), release("v0.1.0"), []string{"a", "b"}, []string{"a"}, "", []string{"a"}},
		"development after a release":       {release("v0.1.0"), commit(9), []string{"a", "b"}, []string{"a"}, "v1: b", nil},
		"a later commit":                    {commit(1), commit(2), []string{"a", "b"}, []string{"a", "c"}, "", []string{"a", "b", "c"}},
		"an earlier commit":                 {commit(2), commit(1), []string{"a", "b"}, []string{"a"}, "v1: b", nil},
		"an earlier commit that has it all": {commit(2), commit(1), []string{"a"}, []string{"a", "b"}, "", []string{"a", "b"}},
		"changed sources, built later":      {dirty(1), dirty(2), []string{"a", "b"}, []string{"a"}, "", []string{"a", "b"}},
		"builds of which nothing is known": {
			version.Build{Version: "v0.0.0-dev"}, version.Build{Version: "v0.0.0-dev"},
			[]string{"a", "b"}, []string{"c"}, "", []string{"a", "b", "c"},
		},
		"a build that no program has marked": {version.Build{}, release("v1.0.0"), []string{"b"}, []string{"a"}, "", []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			i, err := planInstallation(widgets(test.next...), storedBy(t, test.stored, widgets(test.present...)), test.own)
			if test.refused != "" {
				if !errors.Is(err, version.ErrNewerStore) || !strings.Contains(err.Error(), test.refused) ||
					!strings.Contains(err.Error(), test.stored.Version) || !strings.Contains(err.Error(), "rdd service restore") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var kept []string
			for field := range i.wanted.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties {
				kept = append(kept, field)
			}
			if slices.Sort(kept); !slices.Equal(kept, test.kept) {
				t.Errorf("installs %q, want %q", kept, test.kept)
			}
		})
	}
}

func TestUnmarkedDefinitionsAreReplaced(t *testing.T) {
	for name, annotations := range map[string]map[string]string{
		"no build": {definitionrules.AnnotationHash: "another"}, "a bad build": {definitionrules.AnnotationBuild: "{"},
	} {
		present := widgets("b")
		present.Annotations = annotations
		i, err := planInstallation(widgets("a"), present, version.Build{Version: "v1.0.0"})
		if err != nil || i.upToDate() {
			t.Errorf("%s: %v", name, err)
		}
	}
	i, err := planInstallation(widgets("a"), nil, version.Build{Version: "v1.0.0"})
	if err != nil || i.present != nil {
		t.Errorf("a new one: %v", err)
	}
}

// TestStatusOfADefinitionIsRepaired checks the parts of a status that keep a definition from being
// written or served.
func TestStatusOfADefinitionIsRepaired(t *testing.T) {
	condition := func(kind apiextensionsv1.CustomResourceDefinitionConditionType, status apiextensionsv1.ConditionStatus) func(*crd) {
		return func(d *crd) {
			apiextensionshelpers.SetCRDCondition(d, apiextensionsv1.CustomResourceDefinitionCondition{Type: kind, Status: status})
		}
	}
	stored := func(versions ...string) func(*crd) { return func(d *crd) { d.Status.StoredVersions = versions } }
	deleting := func(d *crd) { d.DeletionTimestamp = new(metav1.Now()) }
	for name, test := range map[string]struct {
		changes []func(*crd)
		changed bool
	}{
		"right":                    {nil, false},
		"another stored version":   {[]func(*crd){stored("v9")}, true},
		"one stored version more":  {[]func(*crd){stored("v1", "v9")}, true},
		"no stored version":        {[]func(*crd){stored()}, true},
		"terminating":              {[]func(*crd){condition(apiextensionsv1.Terminating, apiextensionsv1.ConditionTrue)}, true},
		"being deleted":            {[]func(*crd){deleting, condition(apiextensionsv1.Terminating, apiextensionsv1.ConditionTrue)}, false},
		"names not accepted":       {[]func(*crd){condition(apiextensionsv1.NamesAccepted, apiextensionsv1.ConditionFalse)}, true},
		"not established":          {[]func(*crd){condition(apiextensionsv1.Established, apiextensionsv1.ConditionFalse)}, true},
		"no conditions":            {[]func(*crd){func(d *crd) { d.Status.Conditions = nil }}, true},
		"other names are accepted": {[]func(*crd){func(d *crd) { d.Status.AcceptedNames.Kind = "Gadget" }}, true},
	} {
		present := widgets("a")
		present.Spec.Names = apiextensionsv1.CustomResourceDefinitionNames{Plural: "widgets", Kind: "Widget"}
		present.Status.AcceptedNames = present.Spec.Names
		for _, change := range append([]func(*crd){
			stored("v1"), condition(apiextensionsv1.NamesAccepted, apiextensionsv1.ConditionTrue),
			condition(apiextensionsv1.Established, apiextensionsv1.ConditionTrue),
		}, test.changes...) {
			change(present)
		}
		status, changed := repairedStatus(present, widgets("a"))
		repaired := present.DeepCopy()
		repaired.Status = status
		if changed != test.changed || !slices.Equal(status.StoredVersions, []string{"v1"}) ||
			present.DeletionTimestamp == nil && !served(repaired) {
			t.Errorf("%s: changed %t, %+v", name, changed, status)
		}
		if _, again := repairedStatus(repaired, widgets("a")); again {
			t.Errorf("%s: the repaired status is repaired again", name)
		}
	}
}
