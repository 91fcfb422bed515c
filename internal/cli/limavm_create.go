// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// createOptions are the arguments of `limavm create`.
type createOptions struct {
	name, template, namespace string
	start, wait, dryRun       bool
}

func (r *root) limavmCreateCommand() *cobra.Command {
	o := createOptions{}
	cmd := &cobra.Command{
		Use:   "create NAME TEMPLATE",
		Short: "Make a virtual machine from a Lima template",
		Long: `Create makes the LimaVM NAME. A TEMPLATE with a slash or a colon is a file, which is stored in a ConfigMap
NAME that goes with the VM; else it is the name of a ConfigMap that holds a template under the key "template".`,
		Example: `  rdd limavm create dev ./dev.yaml --start
  rdd limavm create dev ./dev.yaml --dry-run
  rdd limavm create dev my-template -n work`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().StringVarP(&o.namespace, "namespace", "n", metav1.NamespaceDefault, "namespace of the LimaVM")
	cmd.Flags().BoolVar(&o.start, "start", false, "start it too")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say whether it would be accepted")
	return withWait(cmd, startTimeout, func(ctx context.Context, args []string, wait bool) error {
		o.name, o.template, o.wait = args[0], args[1], wait
		return r.limavmCreate(ctx, o)
	})
}

func (r *root) limavmCreate(ctx context.Context, o createOptions) error {
	data, err := templateFile(o.template)
	if err != nil {
		return err
	}
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	if o.dryRun {
		return r.dryRunCreate(ctx, c, o, data)
	}
	if data != nil {
		return r.createFromFile(ctx, c, o, data)
	}
	machine := o.limaVM(o.template)
	if err := c.Create(ctx, machine, fieldOwner); err != nil {
		return fmt.Errorf("creating LimaVM %q: %w", o.name, err)
	}
	return r.finishCreate(ctx, c, o, machine)
}

func (r *root) dryRunCreate(ctx context.Context, c ctrl.Client, o createOptions, data []byte) error {
	var err error
	if data != nil {
		err = dryRunFile(ctx, c, o, data)
	} else {
		err = c.Create(ctx, o.limaVM(o.template), fieldOwner, ctrl.DryRunAll)
	}
	if err != nil {
		return fmt.Errorf("LimaVM %q would not be created: %w", o.name, err)
	}
	fmt.Fprintf(r.out, "LimaVM %q would be created.\n", o.name)
	return nil
}

var urlPattern = regexp.MustCompile(`^[a-z][a-z0-9+.-]+://`)

// templateFile reads the template when the argument names a file; nil when it names a ConfigMap.
func templateFile(name string) ([]byte, error) {
	if !strings.ContainsAny(name, `/:\`) {
		return nil, nil
	}
	if urlPattern.MatchString(name) {
		return nil, fmt.Errorf("%s is a URL, and this rdd does not download templates: save it to a file and name that", name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("reading the template: %s is empty", name)
	}
	return data, nil
}

func (o createOptions) limaVM(configMap string) *limav1.LimaVM {
	return &limav1.LimaVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: o.name},
		Spec:       limav1.LimaVMSpec{TemplateRef: limav1.TemplateReference{Name: configMap}, Running: o.start},
	}
}

func (o createOptions) configMap(data []byte) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.namespace, Name: o.name,
			// With it the controller deletes the ConfigMap together with the LimaVM.
			Labels: map[string]string{limav1.LabelSourceOf: o.name},
		},
		Data: map[string]string{limav1.TemplateKey: string(data)},
	}
}

// dryRunFile judges what a dry run of the server cannot: there the LimaVM would be
// refused, as the ConfigMap that it needs was not made.
func dryRunFile(ctx context.Context, c ctrl.Client, o createOptions, data []byte) error {
	host, err := template.LocalHost()
	if err != nil {
		return err
	}
	if _, err := template.Load(data, nil, host); err != nil {
		return &exitError{ExitRefused, fmt.Errorf("%s: %w", o.template, err)}
	}
	if err := nameFree(ctx, c, o.name); err != nil {
		return err
	}
	if err := c.Create(ctx, o.configMap(data), ctrl.DryRunAll, fieldOwner); err != nil {
		return fmt.Errorf("storing the template: %w", err)
	}
	return nil
}

// nameFree refuses the name of a LimaVM that exists; admission judges again.
func nameFree(ctx context.Context, c ctrl.Reader, name string) error {
	list := &limav1.LimaVMList{}
	if err := c.List(ctx, list, ctrl.MatchingFields{"metadata.name": name}); err != nil {
		return fmt.Errorf("looking for LimaVM %q: %w", name, err)
	}
	if len(list.Items) > 0 {
		return &exitError{ExitRefused, fmt.Errorf("the LimaVM name %q is already used in namespace %q; LimaVM names are unique across all namespaces", name, list.Items[0].Namespace)}
	}
	return nil
}

// createFromFile stores the template first and takes it away again when the LimaVM is refused.
func (r *root) createFromFile(ctx context.Context, c ctrl.WithWatch, o createOptions, data []byte) error {
	if err := nameFree(ctx, c, o.name); err != nil {
		return err
	}
	source := o.configMap(data)
	if err := c.Create(ctx, source, fieldOwner); err != nil {
		return fmt.Errorf("storing the template: %w", err)
	}
	machine := o.limaVM(source.Name)
	if err := c.Create(ctx, machine, fieldOwner); err != nil {
		return errors.Join(fmt.Errorf("creating LimaVM %q: %w", o.name, err), removeSource(ctx, c, o, source))
	}
	return r.finishCreate(ctx, c, o, machine)
}

// removeSource takes the ConfigMap away, even when the command's own deadline has passed;
// not when the LimaVM was made after all and only the answer got lost.
func removeSource(ctx context.Context, c ctrl.Client, o createOptions, source *corev1.ConfigMap) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	err := c.Get(ctx, ctrl.ObjectKey{Namespace: o.namespace, Name: o.name}, &limav1.LimaVM{})
	if err == nil {
		return nil
	}
	if apierrors.IsNotFound(err) {
		err = ctrl.IgnoreNotFound(c.Delete(ctx, source, ctrl.Preconditions{UID: &source.UID}))
	}
	if err != nil {
		return fmt.Errorf("removing ConfigMap %q again: %w", source.Name, err)
	}
	return nil
}

func (r *root) finishCreate(ctx context.Context, c ctrl.WithWatch, o createOptions, machine *limav1.LimaVM) error {
	judge, want, is := createdJudge(), "be created", "created"
	if o.start {
		judge, want, is = runningJudge(true, machine.Generation), "run", "running"
	}
	if !o.wait {
		fmt.Fprintf(r.out, "LimaVM %q is to %s. To follow it: rdd limavm list\n", o.name, want)
		return nil
	}
	if err := r.waitVM(ctx, c, machine, judge, want); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "LimaVM %q is %s.\n", o.name, is)
	return nil
}
