// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apiextensionshelpers "k8s.io/apiextensions-apiserver/pkg/apihelpers"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"rancherdesktop.io/rdd/internal/apiserver/crdschema"
	definitionrules "rancherdesktop.io/rdd/internal/rules/definitions"
	"rancherdesktop.io/rdd/internal/version"
)

type crd = apiextensionsv1.CustomResourceDefinition

// installation is what has to be done about one definition of this program.
type installation struct {
	wanted *crd
	hash   string
	// present is the definition in the store; nil when there is none.
	present *crd
}

// planInstallations compares this program's definitions with those in the store. It writes nothing.
// The error wraps version.ErrNewerStore when a newer program has installed definitions that this
// one must not replace.
func planInstallations(
	ctx context.Context, client apiextensionsclient.CustomResourceDefinitionsGetter, wanted []*crd, build version.Build,
) ([]installation, error) {
	list, err := client.CustomResourceDefinitions().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading the definitions: %w", err)
	}
	present := map[string]*crd{}
	for i := range list.Items {
		present[list.Items[i].Name] = &list.Items[i]
	}
	plan := make([]installation, 0, len(wanted))
	for _, definition := range wanted {
		i, err := planInstallation(definition, present[definition.Name], build)
		if err != nil {
			return nil, err
		}
		plan = append(plan, i)
		delete(present, definition.Name)
	}
	for _, unknown := range present {
		if stored, ok := installedBy(unknown); ok && stored.Compare(build) > 0 {
			return nil, newerStore(stored, build, []string{unknown.Name})
		}
	}
	return plan, nil
}

// planInstallation decides about one definition. A newer program's is not replaced. Development
// builds have no certain order: what only the other's definition has is kept.
func planInstallation(wanted, present *crd, build version.Build) (installation, error) {
	content, err := yaml.Marshal(wanted)
	if err != nil {
		return installation{}, fmt.Errorf("rendering %s: %w", wanted.Name, err)
	}
	i := installation{wanted: wanted, hash: digest(content), present: present}
	if present == nil || i.upToDate() {
		return i, nil
	}
	stored, ok := installedBy(present)
	if !ok {
		return i, nil // a program from before builds were noted
	}
	lost := crdschema.Lost(&present.Spec, &wanted.Spec)
	uncertain := stored.Development() && build.Development()
	switch {
	case stored.Compare(build) > 0 && (len(lost) > 0 || !uncertain):
		return i, newerStore(stored, build, named(wanted.Name, lost))
	case uncertain && len(lost) > 0:
		i.wanted = wanted.DeepCopy()
		i.wanted.Spec = *crdschema.Keep(&present.Spec, &wanted.Spec)
	}
	return i, nil
}

// installedBy returns the build that has installed a definition; false when it is not known.
func installedBy(definition *crd) (version.Build, bool) {
	var build version.Build
	text, ok := definition.Annotations[definitionrules.AnnotationBuild]
	if !ok || json.Unmarshal([]byte(text), &build) != nil {
		return version.Build{}, false
	}
	return build, true
}

func named(definition string, fields []string) []string {
	if len(fields) == 0 {
		return []string{"the present " + definition}
	}
	all := slices.Clone(fields)
	for i := range all {
		all[i] = definition + " " + all[i]
	}
	return all
}

func newerStore(stored, own version.Build, unknown []string) error {
	return fmt.Errorf("%w: it was version %s, and this is %s, which does not know %s; nothing was changed: use the newer rdd, "+
		"or put a backup from before it in place of the store: rdd service restore --list",
		version.ErrNewerStore, stored.Text(), own.Text(), strings.Join(unknown, ", "))
}

// upToDate reports whether the definition in the store has the same content. A program from before
// builds were noted has left no build.
func (i installation) upToDate() bool {
	_, noted := installedBy(i.present)
	return i.present.Annotations[definitionrules.AnnotationHash] == i.hash && i.present.DeletionTimestamp == nil && noted
}

// install installs definitions in parallel.
func install(
	ctx context.Context, client apiextensionsclient.CustomResourceDefinitionsGetter, plan []installation, build version.Build,
) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, i := range plan {
		group.Go(func() error {
			if err := i.run(ctx, client, build); err != nil {
				return fmt.Errorf("installing %s: %w", i.wanted.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// run repairs the status of the definition in the store and applies the wanted one, where need be.
func (i installation) run(ctx context.Context, client apiextensionsclient.CustomResourceDefinitionsGetter, build version.Build) error {
	if i.present != nil {
		if status, ok := repairedStatus(i.present, i.wanted); ok {
			repaired := i.present.DeepCopy()
			repaired.Status = status
			if _, err := client.CustomResourceDefinitions().UpdateStatus(ctx, repaired, metav1.UpdateOptions{}); err != nil {
				return fmt.Errorf("repairing its status: %w", err)
			}
		}
		if i.upToDate() {
			return nil
		}
	}
	data, err := i.render(build)
	if err != nil {
		return err
	}
	_, err = client.CustomResourceDefinitions().Patch(ctx, i.wanted.Name, types.ApplyPatchType, data,
		metav1.PatchOptions{FieldManager: "rdd", Force: new(true)})
	return err
}

// repairedStatus returns the status that the definition in the store should have, and whether it
// differs. Stored versions are among those that are defined, else the definition cannot be written
// any more. Its names are accepted and it is established, else its resource is not served: the API
// server sets that only for a new one.
func repairedStatus(present, wanted *crd) (apiextensionsv1.CustomResourceDefinitionStatus, bool) {
	status := *present.Status.DeepCopy()
	status.StoredVersions = slices.DeleteFunc(status.StoredVersions, func(name string) bool {
		return !slices.ContainsFunc(wanted.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name == name })
	})
	for _, v := range wanted.Spec.Versions {
		if v.Storage && !slices.Contains(status.StoredVersions, v.Name) {
			status.StoredVersions = append(status.StoredVersions, v.Name)
		}
	}
	if present.DeletionTimestamp == nil && !served(present) {
		status.AcceptedNames = *present.Spec.Names.DeepCopy()
		status.Conditions = []apiextensionsv1.CustomResourceDefinitionCondition{
			establishedLongAgo(apiextensionsv1.NamesAccepted), establishedLongAgo(apiextensionsv1.Established),
		}
	}
	return status, !equality.Semantic.DeepEqual(status, present.Status)
}

// served reports whether the status of a definition lets objects be made.
func served(definition *crd) bool {
	return equality.Semantic.DeepEqual(definition.Status.AcceptedNames, definition.Spec.Names) &&
		apiextensionshelpers.IsCRDConditionTrue(definition, apiextensionsv1.NamesAccepted) &&
		apiextensionshelpers.IsCRDConditionTrue(definition, apiextensionsv1.Established) &&
		!apiextensionshelpers.IsCRDConditionTrue(definition, apiextensionsv1.Terminating)
}

// establishedLongAgo returns a condition that is true, and was so before this server started: see
// establishedDelay.
func establishedLongAgo(kind apiextensionsv1.CustomResourceDefinitionConditionType) apiextensionsv1.CustomResourceDefinitionCondition {
	return apiextensionsv1.CustomResourceDefinitionCondition{
		Type: kind, Status: apiextensionsv1.ConditionTrue, Reason: "Repaired", Message: "rdd has repaired the status",
		LastTransitionTime: metav1.NewTime(time.Now().Add(-2 * establishedDelay)),
	}
}

// render returns the definition for server-side apply, annotated with the hash of its content and
// the build that installs it.
func (i installation) render(build version.Build) ([]byte, error) {
	marked := i.wanted.DeepCopy()
	text, err := json.Marshal(build)
	if err != nil {
		return nil, err
	}
	metav1.SetMetaDataAnnotation(&marked.ObjectMeta, definitionrules.AnnotationHash, i.hash)
	metav1.SetMetaDataAnnotation(&marked.ObjectMeta, definitionrules.AnnotationBuild, string(text))
	return yaml.Marshal(struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
		Spec              apiextensionsv1.CustomResourceDefinitionSpec `json:"spec"`
	}{marked.TypeMeta, marked.ObjectMeta, marked.Spec})
}
