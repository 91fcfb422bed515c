// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// createOptions are the arguments of `limavm create`.
type createOptions struct {
	name, template, namespace string
	params                    map[string]string
	start, wait, dryRun       bool
	// change are the flags that change the template; nil: none.
	change *editFlags
	// adoptFrom is the UID of the LimaVM whose instance directory is taken over; empty for a new one.
	adoptFrom string
}

func createCommand(s *session.Session) *cobra.Command {
	o := createOptions{}
	var params []string
	cmd := &cobra.Command{
		Use:   "create NAME TEMPLATE",
		Short: "Make a virtual machine from a Lima template",
		Long: `Create makes the LimaVM NAME from a Lima template and waits until its disk is made. TEMPLATE is

  a file, named with a slash:  ./dev.yaml
  a URL:                       https://example.com/dev.yaml
  standard input:              -
  a template of a folder:      template:debian-13
  a ConfigMap that holds a template under the key "template":  its name

The folders are those of LIMA_TEMPLATES_PATH, or else where Lima installs its templates.

What the template's base and file fields name is merged in. A template that is no ConfigMap yet is stored in a
ConfigMap NAME, which goes with the virtual machine. A template that cannot be honoured is refused with the
place of the fault, and nothing is left behind.

With --cpus, --memory, --disk, --mount or --set the machine gets a copy of the template that is changed so.`,
		Example: `  rdd limavm create dev ./dev.yaml --start
  rdd limavm create dev ./dev.yaml --param user=jo --param size=3 --start
  rdd limavm create dev ./dev.yaml --cpus 4 --set '.env.MODE = "test"'
  rdd limavm create dev - --dry-run < dev.yaml
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
	cmd.Flags().StringArrayVar(&params, "param", nil, "`K=V`: a value for the template's param K; may be repeated")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say whether it would be accepted")
	o.change = addEditFlags(cmd)
	return session.WithWait(cmd, session.StartTimeout, func(ctx context.Context, args []string, wait bool) (err error) {
		o.name, o.template, o.wait = args[0], args[1], wait
		if o.params, err = createParams(params); err != nil {
			return err
		}
		return create(ctx, s, o)
	})
}

func create(ctx context.Context, s *session.Session, o createOptions) error {
	if err := s.CheckSocketPaths(); err != nil {
		return err
	}
	data, err := readTemplate(ctx, s, o.template, o.params)
	if err != nil {
		return err
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	if o.change != nil && o.change.given() {
		if data, err = changedTemplate(ctx, c, o, data); err != nil {
			return err
		}
	}
	if o.dryRun {
		return dryRunCreate(ctx, s, c, o, data)
	}
	var machine *limav1.LimaVM
	if data != nil {
		machine, err = createFromData(ctx, c, o, data)
	} else {
		machine, err = createFromConfigMap(ctx, c, o)
	}
	if err != nil {
		return err
	}
	return finishCreate(ctx, s, c, o, machine)
}

// changedTemplate returns the template with what the flags change. Without data it is that of a
// ConfigMap.
func changedTemplate(ctx context.Context, c ctrlclient.Reader, o createOptions, data []byte) ([]byte, error) {
	if data == nil {
		cm := &corev1.ConfigMap{}
		if err := c.Get(ctx, ctrlclient.ObjectKey{Namespace: o.namespace, Name: o.template}, cm); err != nil {
			return nil, fmt.Errorf("reading the template of ConfigMap %q: %w", o.template, fileHint(o.template, err))
		}
		text, found := cm.Data[limav1.TemplateKey]
		if !found {
			return nil, fmt.Errorf("ConfigMap %q has no key %q", o.template, limav1.TemplateKey)
		}
		data = []byte(text)
	}
	text, err := o.change.apply(string(data))
	return []byte(text), err
}

func dryRunCreate(ctx context.Context, s *session.Session, c ctrlclient.Client, o createOptions, data []byte) error {
	var err error
	if data != nil {
		err = dryRunData(ctx, c, o, data)
	} else if err = c.Create(ctx, o.limaVM(o.template), session.FieldOwner, ctrlclient.DryRunAll); err != nil {
		err = fileHint(o.template, err)
	}
	if err != nil {
		return fmt.Errorf("LimaVM %q would not be created: %w", o.name, err)
	}
	fmt.Fprintf(s.Out, "LimaVM %q would be created.\n", o.name)
	return nil
}

func (o createOptions) limaVM(configMap string) *limav1.LimaVM {
	machine := &limav1.LimaVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: o.name},
		Spec:       limav1.LimaVMSpec{TemplateRef: limav1.TemplateReference{Name: configMap}, Running: o.start, Params: o.params},
	}
	if o.adoptFrom != "" {
		machine.Annotations = map[string]string{limav1.AnnotationAdoptFrom: o.adoptFrom}
	}
	return machine
}

// source is the source ConfigMap of a template that was a file, a URL or standard input. By its
// label the controller deletes it with the LimaVM.
func (o createOptions) source(data []byte) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: o.name, Labels: map[string]string{limav1.LabelSourceOf: o.name}},
		Data:       map[string]string{limav1.TemplateKey: string(data)},
	}
}

// dryRunData validates the template here. A dry run of the server would refuse the LimaVM, because
// a dry run does not create the ConfigMap that it needs.
func dryRunData(ctx context.Context, c ctrlclient.Client, o createOptions, data []byte) error {
	host, err := template.LocalHost()
	if err != nil {
		return err
	}
	if _, err := template.Load(data, o.params, host); err != nil {
		return &session.CodeError{Code: session.ExitRefused, Err: fmt.Errorf("%s: %w", argumentText(o.template), err)}
	}
	if err := nameFree(ctx, c, o.name); err != nil {
		return err
	}
	return storeSource(ctx, c, o, o.source(data), ctrlclient.DryRunAll)
}

// nameFree refuses the name of a LimaVM that exists. An admission rule checks again.
func nameFree(ctx context.Context, c ctrlclient.Reader, name string) error {
	machine, err := resource.LookupVM(ctx, c, name)
	if err != nil || machine == nil {
		return err
	}
	return &session.CodeError{Code: session.ExitRefused, Err: fmt.Errorf("the LimaVM name %q is already used in namespace %q; LimaVM names "+
		"are unique across all namespaces",
		name, machine.Namespace)}
}

func createFromConfigMap(ctx context.Context, c ctrlclient.Client, o createOptions) (*limav1.LimaVM, error) {
	machine := o.limaVM(o.template)
	if err := c.Create(ctx, machine, session.FieldOwner); err != nil {
		return nil, fmt.Errorf("creating LimaVM %q: %w", o.name, fileHint(o.template, err))
	}
	return machine, nil
}

// createFromData stores the template first, and removes it again when the LimaVM is refused.
func createFromData(ctx context.Context, c ctrlclient.Client, o createOptions, data []byte) (*limav1.LimaVM, error) {
	if err := nameFree(ctx, c, o.name); err != nil {
		return nil, err
	}
	source := o.source(data)
	if err := storeSource(ctx, c, o, source); err != nil {
		return nil, err
	}
	machine := o.limaVM(source.Name)
	if err := c.Create(ctx, machine, session.FieldOwner); err != nil {
		return nil, errors.Join(fmt.Errorf("creating LimaVM %q: %w", o.name, err), removeSource(ctx, c, o, source))
	}
	return machine, nil
}

// removeSource removes the ConfigMap, also after the command's deadline has passed. It keeps it
// when the LimaVM exists after all, because only the response was lost.
func removeSource(ctx context.Context, c ctrlclient.Client, o createOptions, source *corev1.ConfigMap) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), session.RequestTimeout)
	defer cancel()
	err := c.Get(ctx, ctrlclient.ObjectKey{Namespace: o.namespace, Name: o.name}, &limav1.LimaVM{})
	if err == nil {
		return nil
	}
	if apierrors.IsNotFound(err) {
		err = ctrlclient.IgnoreNotFound(c.Delete(ctx, source, ctrlclient.Preconditions{UID: &source.UID}))
	}
	if err != nil {
		return fmt.Errorf("removing ConfigMap %q again: %w", source.Name, err)
	}
	return nil
}

func finishCreate(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, o createOptions, machine *limav1.LimaVM) error {
	until, want, doing := resource.VMCreated(), "be created", "Creating LimaVM %q"
	if o.start {
		until, want, doing = resource.VMRunning(true, machine.Generation), "run", "Creating and starting LimaVM %q"
	}
	if !o.wait {
		return resource.NotWaiting(s, o.name, doing)
	}
	if err := resource.WaitVM(ctx, s, c, machine, until, want); err != nil {
		return err
	}
	if !o.start {
		fmt.Fprintf(s.Out, "LimaVM %q is created. To start it: rdd limavm start %s\n", o.name, o.name)
		return nil
	}
	fmt.Fprintf(s.Out, "LimaVM %q is running.\n", o.name)
	return resource.PrintMessage(ctx, s, ctrlclient.ObjectKeyFromObject(machine))
}
