// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/property"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// paramNoun is what errors of property.Split call a K=V.
const paramNoun = "parameter"

func paramsCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "params NAME [K=V…]",
		Short: "Show or set the parameters of a virtual machine's template",
		Long: `Params lists the parameters that a virtual machine's template declares (param:), with the values in force. K=V
sets one, K= goes back to the template's own value. A running machine is restarted with the new values; without --wait=false the
command waits for that.`,
		Example:           "  rdd limavm params dev\n  rdd limavm params dev user=jo size=3\n  rdd limavm params dev size=",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeParams(s),
	}
	output := session.AddOutput(cmd)
	return session.WithWait(cmd, session.StartTimeout, func(ctx context.Context, args []string, wait bool) error {
		changes, err := property.Split(paramNoun, args[1:])
		if err != nil {
			return err
		}
		c, err := connect(ctx, s, args[0])
		if err != nil {
			return err
		}
		machine, err := resource.FindVM(ctx, c, args[0])
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			return listParams(ctx, s, c, machine, output)
		}
		return setParams(ctx, s, c, machine, changes, wait)
	})
}

// createParams reads the values of --param.
func createParams(args []string) (map[string]string, error) {
	changes, err := property.Split(paramNoun, args)
	if err != nil {
		return nil, err
	}
	var params map[string]string
	for key, value := range changes {
		if value != nil {
			if params == nil {
				params = map[string]string{}
			}
			params[key] = *value
		}
	}
	return params, nil
}

// paramReport is one parameter that the template declares.
type paramReport struct {
	Name string `json:"name"`
	// Value is the one in force, Default the template's own.
	Value   string `json:"value"`
	Default string `json:"default"`
	// Set says that spec.params gives the value.
	Set bool `json:"set"`
}

// readParams lists the parameters that a template declares, with the values that params gives them.
func readParams(data []byte, params map[string]string) ([]paramReport, error) {
	host, err := template.LocalHost()
	if err != nil {
		return nil, err
	}
	t, err := template.Load(data, nil, host)
	if err != nil {
		return nil, err
	}
	reports := []paramReport{}
	for _, name := range slices.Sorted(maps.Keys(t.Param)) {
		value, set := params[name]
		if !set {
			value = t.Param[name]
		}
		reports = append(reports, paramReport{Name: name, Value: value, Default: t.Param[name], Set: set})
	}
	return reports, nil
}

func paramsOf(ctx context.Context, c ctrlclient.Reader, machine *limav1.LimaVM) ([]paramReport, error) {
	cm, err := templateOf(ctx, c, machine)
	if err != nil {
		return nil, err
	}
	reports, err := readParams([]byte(cm.Data[limav1.TemplateKey]), machine.Spec.Params)
	if err != nil {
		return nil, fmt.Errorf("reading the template of LimaVM %q: %w", machine.Name, err)
	}
	return reports, nil
}

func listParams(ctx context.Context, s *session.Session, c ctrlclient.Reader, machine *limav1.LimaVM, output *session.OutputFormat) error {
	reports, err := paramsOf(ctx, c, machine)
	if err != nil {
		return err
	}
	if len(reports) == 0 && output.IsTable() {
		fmt.Fprintf(s.Out, "The template of LimaVM %q declares no parameters (param:).\n", machine.Name)
		return nil
	}
	return output.Print(s.Out, reports, func(w io.Writer) {
		fmt.Fprintln(w, "NAME\tVALUE\tDEFAULT\tSET")
		for _, p := range reports {
			fmt.Fprintf(
				w, "%s\t%s\t%s\t%s\n", p.Name, explain.FirstLine(p.Value), explain.FirstLine(p.Default),
				map[bool]string{true: "yes", false: "no"}[p.Set],
			)
		}
	})
}

// setParams changes spec.params and waits until the machine has the new values.
func setParams(
	ctx context.Context, s *session.Session, c *client.Client, machine *limav1.LimaVM, changes map[string]*string, wait bool,
) error {
	before := *machine.DeepCopy()
	if err := resource.PatchVM(ctx, c, machine, resource.VMPatch{Params: changes}); err != nil {
		return err
	}
	switch {
	case maps.Equal(before.Spec.Params, machine.Spec.Params):
		fmt.Fprintf(s.Out, "LimaVM %q has these parameters already.\n", machine.Name)
		return nil
	case !wait:
		return resource.NotWaiting(s, machine.Name, "LimaVM %q is taking up its parameters")
	}
	inForce, err := paramsInForce(ctx, c, &before, machine)
	if err != nil {
		return err
	}
	if err := resource.WaitVM(ctx, s, c, machine, resource.VMUpToDate(inForce), "take up its parameters"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q has taken up its parameters and is %s.\n", machine.Name, resource.WantedText(machine.Spec.Running))
	return nil
}

// paramsInForce returns a function that reports whether a LimaVM's machine has its new parameters.
// It does when the observed hash of template and parameters has changed, or is the wanted one. Both
// are needed: a change and its reversal may leave the hash as it was before.
func paramsInForce(ctx context.Context, c ctrlclient.Reader, before, changed *limav1.LimaVM) (func(*limav1.LimaVM) bool, error) {
	cm, err := templateOf(ctx, c, changed)
	if err != nil {
		return nil, err
	}
	wanted := template.Revision([]byte(cm.Data[limav1.TemplateKey]), changed.Spec.Params)
	return func(machine *limav1.LimaVM) bool {
		observed := machine.Status.ObservedTemplateHash
		return observed != before.Status.ObservedTemplateHash || observed == wanted
	}, nil
}

// completeParams completes a LimaVM's name, and then its parameters.
func completeParams(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return resource.CompleteVM(s)(cmd, args, prefix)
		}
		candidates, directive := s.Completing(cmd, func(ctx context.Context, c ctrlclient.Reader) ([]string, error) {
			machine, err := resource.FindVM(ctx, c, args[0])
			if err != nil {
				return nil, err
			}
			reports, err := paramsOf(ctx, c, machine)
			if err != nil {
				return nil, err
			}
			var candidates []string
			for _, p := range reports {
				if strings.HasPrefix(p.Name, prefix) {
					candidates = append(candidates, cobra.CompletionWithDesc(p.Name+"=", p.Value))
				}
			}
			return candidates, nil
		})
		return candidates, directive | cobra.ShellCompDirectiveNoSpace
	}
}
