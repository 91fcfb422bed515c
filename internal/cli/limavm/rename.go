// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
)

func renameCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rename NAME NEWNAME",
		Aliases: []string{"mv"},
		Short:   "Give a stopped virtual machine another name",
		Long: `Rename gives a stopped virtual machine another name. Its disk, identities, template, parameters and labels stay.
The name of its directory changes, and what the template derives from that; inside, the host name from the next start on.

To take it back, also while it goes on, rename it to its former name. A machine that runs, is protected or belongs to the
App keeps its name.`,
		Example:           "  rdd limavm rename dev work\n  rdd limavm stop dev && rdd limavm rename dev work && rdd limavm start work",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: resource.CompleteVM(s),
	}
	return session.WithWait(cmd, session.StartTimeout, func(ctx context.Context, args []string, wait bool) error {
		c, err := connect(ctx, s, args[0])
		if err != nil {
			return err
		}
		former, err := resource.FindVM(ctx, c, args[0])
		if err != nil {
			return err
		}
		if from, _, asked := limav1.RenamedFrom(former); asked && from == args[1] {
			return withdrawRenaming(ctx, s, c, former, wait)
		}
		return rename(ctx, s, c, former, args[1], wait)
	})
}

// rename creates the LimaVM that gets the machine, and waits until it has that and the former one
// is gone. When it fails, the former LimaVM is as it was.
func rename(
	ctx context.Context, s *session.Session, c ctrlclient.WithWatch, former *limav1.LimaVM, name string, wait bool,
) error {
	if err := checkNewName(ctx, s, c, former, name); err != nil {
		return err
	}
	next := renamed(former, name)
	if err := c.Create(ctx, next, session.FieldOwner); err != nil {
		return fmt.Errorf("renaming LimaVM %q: %w", former.Name, err)
	}
	if !wait {
		return resource.NotWaiting(s, name, "Renaming a LimaVM to %q")
	}
	what := fmt.Sprintf("LimaVM %q to be renamed to %q", former.Name, name)
	hint := fmt.Sprintf("It goes on. To follow it: rdd limavm list, or rdd why %s; to take it back: rdd limavm rename %s %s",
		name, name, former.Name)
	if err := resource.FollowVM(ctx, s, c, next, resource.VMRenamed(), what, hint); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return errors.Join(err, withdrawRenaming(ctx, s, c, next, true))
	}
	why := func(ctrlclient.Object) string { return "deleting the LimaVM of the former name" }
	if err := resource.FollowVM(ctx, s, c, former, session.Deleted(string(former.UID), why), what, hint); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q is %q now. To start it: rdd limavm start %s\n", former.Name, name, name)
	return nil
}

// checkNewName refuses a name that is not valid, or not free. The API server and the engine check
// again; here nothing has been made yet.
func checkNewName(ctx context.Context, s *session.Session, c ctrlclient.Reader, former *limav1.LimaVM, name string) error {
	if name == former.Name {
		return fmt.Errorf("LimaVM %q has that name already", name)
	}
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return refused("%q is no name of a LimaVM: %s", name, problems[0])
	}
	if err := nameFree(ctx, c, name); err != nil {
		return err
	}
	reader, err := session.Ability[vm.DirectoryReader](s, "read instance directories")
	if err != nil {
		return err
	}
	d, err := reader.Directory(ctx, name)
	if errors.Is(err, vm.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return refused("the name %q is taken by the directory %s, which belongs to no LimaVM; choose another name, or see rdd status",
		name, d.Path)
}

// refused is an error with the exit code of a refusal.
func refused(format string, args ...any) error {
	return &session.CodeError{Code: session.ExitRefused, Err: fmt.Errorf(format, args...)}
}

// renamed returns the LimaVM that gets the machine of a former one. It has the labels, the
// annotations and the parameters of that, and is made of its template.
func renamed(former *limav1.LimaVM, name string) *limav1.LimaVM {
	next := &limav1.LimaVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: former.Namespace, Name: name, Labels: maps.Clone(former.Labels)},
		Spec: limav1.LimaVMSpec{
			TemplateRef: limav1.TemplateReference{Name: former.Name + limav1.TemplateSuffix}, Params: maps.Clone(former.Spec.Params),
		},
	}
	next.Annotations = map[string]string{limav1.AnnotationRenameFrom: former.Name, limav1.AnnotationAdoptFrom: string(former.UID)}
	for key, value := range former.Annotations {
		if !isRequest(key) && key != corev1.LastAppliedConfigAnnotation {
			next.Annotations[key] = value
		}
	}
	return next
}

// isRequest reports whether an annotation is one of rdd's, which are about a LimaVM and not about
// its machine.
func isRequest(annotation string) bool {
	prefix, _, _ := strings.Cut(annotation, "/")
	return strings.HasSuffix("."+prefix, ".rancherdesktop.io")
}

// withdrawRenaming takes a renaming back that is not final, and waits until its LimaVM is gone.
func withdrawRenaming(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, next *limav1.LimaVM, wait bool) error {
	former, _, _ := limav1.RenamedFrom(next)
	if err := withdraw(ctx, c, next); err != nil {
		return err
	}
	if wait {
		why := func(ctrlclient.Object) string { return "taking the renaming back" }
		if err := resource.WaitVM(ctx, s, c, next, session.Deleted(string(next.UID), why), "give the machine back"); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.Err, "LimaVM %q keeps its name.\n", former)
	return nil
}

// withdraw deletes the LimaVM that was created for another's machine, but only as long as a
// deletion gives that back.
func withdraw(ctx context.Context, c ctrlclient.Client, next *limav1.LimaVM) error {
	for {
		if _, _, asked := limav1.RenamedFrom(next); !asked || next.Annotations[limav1.AnnotationRenamed] != "" {
			return fmt.Errorf("LimaVM %q has the machine by now", next.Name)
		}
		// The version that was read: the controller may mark it as final meanwhile.
		err := c.Delete(ctx, next, ctrlclient.Preconditions{UID: &next.UID, ResourceVersion: &next.ResourceVersion})
		if !apierrors.IsConflict(err) {
			if err := ctrlclient.IgnoreNotFound(err); err != nil {
				return fmt.Errorf("taking the renaming back: %w", err)
			}
			return nil
		}
		err = c.Get(ctx, ctrlclient.ObjectKeyFromObject(next), next)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("taking the renaming back: %w", err)
		}
	}
}
