// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"
	"strings"
	"time"

	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
)

const (
	goesOnHint = "Nothing else was changed; the deletion of the VMs goes on. To follow it: rdd status, or the same command again."
	// finishTimeout bounds what comes after all VMs are deleted.
	finishTimeout = 30 * time.Second
)

// finishing returns the context for what comes after all VMs are deleted. That is quick, and must
// not end half-way by Ctrl-C or the timeout of the command.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
}

// deleteAll deletes the App and every LimaVM and returns when none exists any more.
func deleteAll(ctx context.Context, s *session.Session) error {
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	if err := refuseProtected(ctx, c); err != nil {
		return err
	}
	app, err := resource.App(ctx, c)
	if err != nil {
		return err
	}
	if app != nil {
		if err := ctrlclient.IgnoreNotFound(c.Delete(ctx, app, ctrlclient.Preconditions{UID: &app.UID})); err != nil {
			return fmt.Errorf("deleting the App: %w", err)
		}
		if err := resource.WaitAppDeleted(ctx, s, c, app, goesOnHint); err != nil {
			return err
		}
	}
	var machines limav1.LimaVMList
	if err := c.List(ctx, &machines); err != nil {
		return fmt.Errorf("listing the LimaVMs: %w", err)
	}
	for i := range machines.Items {
		if err := resource.DeleteVM(ctx, s, c, &machines.Items[i], true); err != nil {
			return err
		}
	}
	return nil
}

// refuseProtected returns an error when a LimaVM is protected: before the first one is deleted.
func refuseProtected(ctx context.Context, c ctrlclient.Reader) error {
	var machines limav1.LimaVMList
	if err := c.List(ctx, &machines); err != nil {
		return fmt.Errorf("listing the LimaVMs: %w", err)
	}
	var names []string
	for i := range machines.Items {
		if limav1.Protected(&machines.Items[i]) {
			names = append(names, machines.Items[i].Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	list := strings.Join(names, " ")
	return &session.CodeError{Code: session.ExitRefused, Err: fmt.Errorf(
		"nothing was changed: protected from deletion: %s; to end the protection: rdd limavm unprotect %s", list, list,
	)}
}

// showUnclaimed prints the instance directories that stay when all LimaVMs are deleted, with the
// commands for them and what has to stand before those.
func showUnclaimed(s *session.Session, left []resource.Unclaimed, before string) {
	for _, directory := range left {
		fmt.Fprintln(s.Out, directory.TextFor(before))
	}
}
