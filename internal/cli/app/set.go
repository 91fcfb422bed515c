// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/property"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
)

const (
	setHint = "The change stands and is taken up all the same. To follow it: rdd status, rdd why, or the same rdd set again."
	setHelp = `Set changes the App, creating it with defaults when there is none, and waits until it has settled. It shows why it waits.

All properties that are given are one change: it is made as a whole, with one restart of the VM if it needs one, or not at
all. PROPERTY= takes a property back to its default. Lists are written in JSON. Without PROPERTY=VALUE it lists the
properties with the values that they have.

Ctrl-C ends the waiting only.`
)

// propertyNoun is what errors of property.Split call a NAME=VALUE.
const propertyNoun = "property"

// setOptions are the arguments of `set`.
type setOptions struct {
	args         []string
	dryRun, wait bool
	output       *session.OutputFormat
}

func setCommand(s *session.Session) *cobra.Command {
	o := setOptions{}
	cmd := &cobra.Command{
		Use:   "set [PROPERTY=VALUE…]",
		Short: "Change the App: processors, memory, mounts and all its other properties",
		Long:  setHelp,
		Example: `  rdd set virtualMachine.cpus=4 virtualMachine.memory=6Gi
  rdd set 'virtualMachine.mounts=[{"location":"~/src","writable":true}]'
  rdd set virtualMachine.cpus=                # back to the default
  rdd set --dry-run virtualMachine.memory=64Gi
  rdd set                                     # what there is`,
		ValidArgsFunction: completeSet(s),
	}
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say what would change, or why it would be refused")
	o.output = session.AddOutput(cmd)
	cmd.SetHelpFunc(helpSet(s))
	return session.WithWait(cmd, session.StartTimeout, func(ctx context.Context, args []string, wait bool) error {
		o.args, o.wait = args, wait
		if len(args) > 0 {
			return setProperties(ctx, s, o)
		}
		if o.dryRun {
			return errors.New("--dry-run needs PROPERTY=VALUE; to list the properties: rdd set")
		}
		return listProperties(ctx, s, o.output)
	})
}

func setProperties(ctx context.Context, s *session.Session, o setOptions) error {
	pairs, err := property.Split(propertyNoun, o.args)
	if err != nil {
		return err
	}
	c, settings, err := connectToSet(ctx, s, pairs)
	if err != nil {
		return err
	}
	before, err := resource.RawApp(ctx, c)
	if err != nil {
		return err
	}
	change := resource.AppChange{Patch: property.Patch(settings), Spec: property.New(settings), Command: "the same rdd set again"}
	if o.dryRun {
		return dryRunSet(ctx, s, c, before, change, o.output)
	}
	after, err := resource.ApplyApp(ctx, s, c, change)
	if err != nil {
		return err
	}
	report := newSetReport(before, after)
	if err := o.output.Print(s.Out, report, report.table("created", "changed")); err != nil {
		return err
	}
	return finishSet(ctx, s, c, after, settings, o)
}

// connectToSet reads the settings by the schema in the API. The schema of a new instance is the
// embedded one, so bad arguments are refused before the instance is created.
func connectToSet(ctx context.Context, s *session.Session, pairs map[string]*string) (*client.Client, []property.Setting, error) {
	exists, err := s.InstanceExists()
	if err != nil {
		return nil, nil, err
	}
	if !exists {
		schema, err := embeddedSchema()
		if err != nil {
			return nil, nil, err
		}
		if _, err := schema.Parse(pairs); err != nil {
			return nil, nil, err
		}
	}
	if err := s.CheckSocketPaths(); err != nil {
		return nil, nil, err
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	schema, err := readSchema(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	settings, err := schema.Parse(pairs)
	return c, settings, err
}

// dryRunSet prints what a change would do, by a dry run of the API.
func dryRunSet(
	ctx context.Context, s *session.Session, c ctrlclient.Writer, before *unstructured.Unstructured, change resource.AppChange,
	output *session.OutputFormat,
) error {
	if before != nil && before.GetDeletionTimestamp() != nil {
		return errors.New("the App is being deleted, so nothing can be said of a change; to wait for that: rdd delete")
	}
	after, err := resource.PatchApp(ctx, c, change.Patch, ctrlclient.DryRunAll)
	if err == nil && after == nil {
		before = nil
		after, err = resource.CreateApp(ctx, c, change.Spec, ctrlclient.DryRunAll)
	}
	if err != nil {
		return fmt.Errorf("the change would be refused: %w", err)
	}
	report := newSetReport(before, after)
	report.DryRun = true
	return output.Print(s.Out, report, report.table("would be created", "would be changed"))
}

// finishSet waits until the App has settled with the settings, if that is asked for.
func finishSet(
	ctx context.Context, s *session.Session, c ctrlclient.WithWatch, raw *unstructured.Unstructured, settings []property.Setting, o setOptions,
) error {
	app, err := resource.TypedApp(raw)
	if err != nil {
		return err
	}
	if !o.wait {
		key := ctrlclient.ObjectKey{Namespace: app.Spec.Namespace, Name: appv1.LimaVMName}
		if err := resource.RetryFailed(ctx, c, app.Status.Conditions, key); err != nil {
			return err
		}
		o.printSentence(s.Out, "To follow how the App settles: rdd status")
		return nil
	}
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
	}
	if err := resource.SettleApp(ctx, s, c, app, names, "the App to settle", setHint); err != nil {
		return err
	}
	o.printSentence(s.Out, fmt.Sprintf("The App has settled: the VM is %s.", resource.WantedText(app.Spec.Running)))
	return nil
}

// printSentence prints a sentence for people. JSON and YAML have no place for it.
func (o setOptions) printSentence(out io.Writer, sentence string) {
	if o.output.IsTable() {
		fmt.Fprintln(out, sentence)
	}
}

// setReport is what `rdd set` has changed, or would change.
type setReport struct {
	DryRun  bool                  `json:"dryRun"`
	Created bool                  `json:"created"`
	Changes []property.Difference `json:"changes"`
}

func newSetReport(before, after *unstructured.Unstructured) setReport {
	if before != nil && before.GetUID() != after.GetUID() {
		before = nil // it was deleted meanwhile
	}
	return setReport{Created: before == nil, Changes: property.Compare(resource.RawSpec(before), resource.RawSpec(after))}
}

// table writes the report for people; created and changed say what happens to the App.
func (s setReport) table(created, changed string) func(io.Writer) {
	return func(w io.Writer) {
		switch {
		case s.Created:
			fmt.Fprintf(w, "App %q %s:\n", appv1.AppName, created)
		case len(s.Changes) == 0:
			fmt.Fprintf(w, "Nothing %s: the App has these values already.\n", changed)
		default:
			fmt.Fprintf(w, "App %q %s:\n", appv1.AppName, changed)
		}
		for _, d := range s.Changes {
			if s.Created {
				fmt.Fprintf(w, "  %s\t%s\n", d.Name, property.Show(d.New))
			} else {
				fmt.Fprintf(w, "  %s\t%s → %s\n", d.Name, property.Show(d.Old), property.Show(d.New))
			}
		}
	}
}
