// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"
	"strings"

	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// limavmHint is the session.Wait.Hint of a LimaVM; %s is its name.
const limavmHint = "It goes on. To follow it: rdd limavm list, or rdd why %s"

// NotWaiting prints what has begun with a LimaVM and how to follow it. doing is a sentence without
// a full stop in which %q stands for the name: "Starting LimaVM %q". It returns nil.
func NotWaiting(s *session.Session, name, doing string) error {
	fmt.Fprintf(s.Out, doing+". To follow it: rdd limavm list, or rdd why %s\n", name, name)
	return nil
}

// WaitVM waits until the predicate holds for a LimaVM. want completes the sentence "waiting for
// LimaVM … to …".
func WaitVM(
	ctx context.Context, s *session.Session, c ctrlclient.WithWatch, machine *limav1.LimaVM, until session.Predicate, want string,
) error {
	what, hint := fmt.Sprintf("LimaVM %q to %s", machine.Name, want), fmt.Sprintf(limavmHint, machine.Name)
	return FollowVM(ctx, s, c, machine, until, what, hint)
}

// FollowVM is WaitVM with sentences of the caller's own; for what and hint see session.Wait.
func FollowVM(
	ctx context.Context, s *session.Session, c ctrlclient.WithWatch, machine *limav1.LimaVM, until session.Predicate, what, hint string,
) error {
	key := ctrlclient.ObjectKeyFromObject(machine)
	w := &session.Wait{
		Follow:   s.Follower(c, &limav1.LimaVMList{}, key).Follow,
		Until:    until,
		What:     what,
		Hint:     hint,
		Progress: session.NewProgress(s.Err),
		Retry:    func(ctx context.Context) error { return askRetry(ctx, c, key) },
		Never:    s.Lacking(limavmController),
	}
	return w.Run(ctx)
}

// PrintMessage prints the message of a machine's template, now that the machine runs. It connects
// again: the daemon and its port may have changed since the wait began.
func PrintMessage(ctx context.Context, s *session.Session, key ctrlclient.ObjectKey) error {
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	machine := &limav1.LimaVM{}
	if err := c.Get(ctx, key, machine); err != nil {
		return fmt.Errorf("reading the template's message: %w", err)
	}
	if text := strings.TrimSpace(machine.Status.Message); text != "" {
		fmt.Fprintln(s.Out, text)
	}
	return nil
}
