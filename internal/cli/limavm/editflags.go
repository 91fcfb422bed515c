// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/assign"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// editFlags change a template without an editor. The commands edit, create and start have them.
type editFlags struct {
	cpus         int
	memory, disk string
	mounts, set  []string
	// changed reports whether the flag of that name was given.
	changed func(name string) bool
}

func addEditFlags(cmd *cobra.Command) *editFlags {
	f := &editFlags{changed: cmd.Flags().Changed}
	cmd.Flags().IntVar(&f.cpus, "cpus", 0, "number of processors")
	cmd.Flags().StringVar(&f.memory, "memory", "", "`SIZE` of the memory: 4GiB; a number alone is in GiB")
	cmd.Flags().StringVar(&f.disk, "disk", "", "`SIZE` of the disk, which only grows: 100GiB; a number alone is in GiB")
	cmd.Flags().StringArrayVar(&f.mounts, "mount", nil, "`DIR[:w]`: a directory of the host to mount, writable with :w; may be repeated")
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "`EXPRESSION` of yq that changes the template: '.cpus = 4 | del(.env.A)'; may be repeated")
	for _, name := range []string{"cpus", "memory", "disk", "set"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions) // fails for an unknown flag
	}
	return f
}

// given reports whether one of the flags was given.
func (f *editFlags) given() bool {
	return slices.ContainsFunc([]string{"cpus", "memory", "disk", "mount", "set"}, f.changed)
}

// apply returns a template's text with the changes that the flags ask for. Its comments stay.
func (f *editFlags) apply(text string) (string, error) {
	var expressions []string
	if f.changed("cpus") {
		if f.cpus < 1 { // 0 is a template's word for the default
			return "", &session.CodeError{Code: session.ExitRefused, Err: fmt.Errorf("--cpus must be at least 1; got %d", f.cpus)}
		}
		expressions = append(expressions, fmt.Sprintf(".cpus = %d", f.cpus))
	}
	for _, size := range [][2]string{{"memory", f.memory}, {"disk", f.disk}} {
		if f.changed(size[0]) && strings.TrimSpace(size[1]) == "" {
			return "", &session.CodeError{Code: session.ExitRefused, Err: fmt.Errorf("--%s needs a size, such as 4GiB", size[0])}
		}
		if f.changed(size[0]) {
			expressions = append(expressions, fmt.Sprintf(".%s = %s", size[0], assign.Text(inGiB(size[1]))))
		}
	}
	for _, arg := range f.mounts {
		change, err := mountChange(text, arg)
		if err != nil {
			return "", err
		}
		if text, err = evaluator.Apply(assign.YAML, text, change); err != nil {
			return "", fmt.Errorf("changing the template: %w", err)
		}
	}
	for _, expression := range append(expressions, f.set...) {
		var err error
		if text, err = evaluator.Apply(assign.YAML, text, expression); err != nil {
			return "", fmt.Errorf("changing the template: %w", err)
		}
	}
	return text, nil
}

// evaluator evaluates the user's own expressions, which may read the environment and files.
var evaluator = assign.Evaluator{Host: true}

// inGiB is a size with a unit: a number alone is in GiB.
func inGiB(size string) string {
	if _, err := strconv.ParseFloat(size, 64); err == nil {
		return size + "GiB"
	}
	return size
}

// mountChange is the expression for a value of --mount. A mount of the same location is changed.
func mountChange(text, arg string) (string, error) {
	location, writable := strings.CutSuffix(arg, ":w")
	if location == "" {
		return "", errors.New("--mount needs a directory of the host")
	}
	var present struct {
		Mounts []struct {
			Location string `json:"location"`
		} `json:"mounts"`
	}
	if err := yaml.Unmarshal([]byte(text), &present); err != nil {
		return "", fmt.Errorf("reading the template: %w", err)
	}
	for _, mount := range present.Mounts {
		if mount.Location == location {
			return fmt.Sprintf("(.mounts[] | select(.location == %s)).writable = %t", assign.Text(location), writable), nil
		}
	}
	return fmt.Sprintf(`.mounts += [{"location": %s, "writable": %t}]`, assign.Text(location), writable), nil
}

// editByFlags changes the template of a LimaVM as the flags say, and waits as an edit does.
func editByFlags(
	ctx context.Context, s *session.Session, c *client.Client, machine *limav1.LimaVM, f *editFlags, wait bool,
) error {
	version, err := changeByFlags(ctx, c, machine, f)
	if err != nil {
		return err
	}
	if version == "" {
		fmt.Fprintln(s.Out, "Nothing was changed.")
		return nil
	}
	return finishEdit(ctx, s, c, machine, version, wait)
}

// changeByFlags changes the template of a LimaVM as the flags say. It returns the version of the
// changed template; empty when there is nothing to change.
func changeByFlags(ctx context.Context, c *client.Client, machine *limav1.LimaVM, f *editFlags) (version string, err error) {
	cm, err := templateOf(ctx, c, machine)
	if err != nil {
		return "", err
	}
	text, err := f.apply(cm.Data[limav1.TemplateKey])
	if err != nil || text == cm.Data[limav1.TemplateKey] {
		return "", err
	}
	host, err := template.LocalHost()
	if err != nil {
		return "", err
	}
	if _, err := template.Load([]byte(text), machine.Spec.Params, host); err != nil {
		return "", refusedTemplate(err)
	}
	if err := sendTemplate(ctx, c, cm, text); err != nil {
		return "", err
	}
	return cm.ResourceVersion, nil
}
