// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/template"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
	limatemplate "rancherdesktop.io/rdd/internal/vm/template"
)

// instanceView is a LimaVM as `list --format` shows it, with the names that limactl uses. They are
// an interface for scripts. Sizes are in bytes.
type instanceView struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Status is Running, Stopped, or Broken when the LimaVM cannot be made or started.
	Status       string   `json:"status"`
	Dir          string   `json:"dir"`
	VMType       string   `json:"vmType"`
	Arch         string   `json:"arch"`
	CPUs         int      `json:"cpus"`
	Memory       int64    `json:"memory"`
	Disk         int64    `json:"disk"`
	SSHAddress   string   `json:"sshAddress"`
	SSHLocalPort int32    `json:"sshLocalPort"`
	Protected    bool     `json:"protected"`
	Message      string   `json:"message,omitempty"`
	Errors       []string `json:"errors,omitempty"`
	LimaHome     string   `json:"limaHome"`
	// LimaVM is the object in the API.
	LimaVM *limav1.LimaVM `json:"-"`
}

// formatFunctions are those that a Go template of --format can call, besides the built-in ones.
var formatFunctions = template.FuncMap{
	"json": func(value any) (string, error) {
		data, err := json.Marshal(value)
		return string(data), err
	},
	"yaml": func(value any) (string, error) {
		data, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(data), "\n"), err
	},
}

// viewPrinter returns a function that prints one view in the format json, yaml or a Go template.
// The last one is tried here, so that a misspelled field is an error also where there is no
// machine.
func viewPrinter(out io.Writer, format string) (func(instanceView) error, error) {
	switch format {
	case "json":
		return func(view instanceView) error { return json.NewEncoder(out).Encode(view) }, nil
	case "yaml":
		return func(view instanceView) error {
			data, err := yaml.Marshal(view)
			if err == nil {
				_, err = fmt.Fprintf(out, "---\n%s", data)
			}
			return err
		}, nil
	}
	parsed, err := template.New("--format").Funcs(formatFunctions).Parse(format)
	if err == nil {
		err = tryFormat(parsed)
	}
	if err != nil {
		return nil, fmt.Errorf("--format takes table, json, yaml or a Go template such as '{{.Name}} {{.Status}}': %w", err)
	}
	return func(view instanceView) error {
		if err := parsed.Execute(out, view); err != nil {
			return fmt.Errorf("printing LimaVM %q: %w", view.Name, err)
		}
		_, err := fmt.Fprintln(out)
		return err
	}, nil
}

// tryFormat expands a template for a view without values. What may be right for a machine that has
// them is no error: a function that fails, as for an index that is not there.
func tryFormat(format *template.Template) error {
	machine := &limav1.LimaVM{Status: limav1.LimaVMStatus{Failure: &limav1.Failure{}, LastResetFrom: new(string)}}
	machine.DeletionTimestamp, machine.DeletionGracePeriodSeconds = &metav1.Time{}, new(int64)
	err := format.Execute(io.Discard, instanceView{LimaVM: machine})
	var failed template.ExecError
	if errors.As(err, &failed) && errors.Unwrap(failed.Err) != nil {
		return nil // the error of a function, which the package wraps; its own errors wrap nothing
	}
	return err
}

// viewOf describes a LimaVM. What only its template says is left out where that cannot be read.
func viewOf(ctx context.Context, s *session.Session, c ctrlclient.Reader, machine *limav1.LimaVM) (instanceView, error) {
	inst, err := s.Instance()
	if err != nil {
		return instanceView{}, err
	}
	view := instanceView{
		Name: machine.Name, Namespace: machine.Namespace, Status: statusText(machine), Dir: filepath.Join(inst.LimaHome(), machine.Name),
		SSHAddress: "127.0.0.1", SSHLocalPort: machine.Status.SSHLocalPort, Message: machine.Status.Message, LimaHome: inst.LimaHome(),
		Protected: limav1.Protected(machine), LimaVM: machine,
	}
	if failure := machine.Status.Failure; failure != nil {
		view.Errors = []string{failure.Message}
	}
	cm, err := templateOf(ctx, c, machine)
	if err != nil {
		return view, ctrlclient.IgnoreNotFound(err)
	}
	host, err := limatemplate.LocalHost()
	if err != nil {
		return view, err
	}
	t, err := limatemplate.Load([]byte(cm.Data[limav1.TemplateKey]), machine.Spec.Params, host)
	if err != nil {
		view.Errors = append(view.Errors, err.Error())
		return view, nil
	}
	view.VMType, view.Arch, view.CPUs, view.Memory, view.Disk = t.VMType, t.Arch, t.CPUs, t.Memory, t.Disk
	return view, nil
}

// statusText is the status of a LimaVM in a word of limactl's.
func statusText(machine *limav1.LimaVM) string {
	for _, condition := range machine.Status.Conditions {
		if condition.Status == metav1.ConditionFalse && limav1.Failed(condition.Reason) {
			return "Broken"
		}
	}
	if meta.IsStatusConditionTrue(machine.Status.Conditions, limav1.ConditionRunning) {
		return "Running"
	}
	return "Stopped"
}
