// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
)

// integrationController is the name in --controllers of the controller that changes the host.
const integrationController = "integration"

// printContextHint prints how to make docker use the VM, when docker's current context was left
// alone because another engine answers there.
func printContextHint(ctx context.Context, s *session.Session, c ctrlclient.Reader) error {
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	if runs, err := integrates(s, inst); err != nil || !runs {
		return err
	}
	want, err := resource.WantedHost(ctx, c)
	if err != nil || want.Ready == "" {
		return err
	}
	host, err := s.Host(inst)
	if err != nil {
		return err
	}
	if _, err := host.Apply(ctx, want); err != nil { // the daemon may not have done it yet
		return err
	}
	settings, err := host.List()
	if err != nil {
		return err
	}
	for _, setting := range settings {
		if setting.OtherEngine {
			fmt.Fprintf(s.Out, "%s. To make it use this VM: %s\n", upperFirst(setting.Why), setting.Remedy)
		}
	}
	return nil
}

func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// integrates reports whether the instance runs the controller that changes the host.
func integrates(s *session.Session, inst instance.Instance) (bool, error) {
	enabled, err := s.Enabled(inst)
	return slices.Contains(enabled.Names, integrationController), err
}
