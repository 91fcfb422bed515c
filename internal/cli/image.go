// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/image/build"
	"rancherdesktop.io/rdd/internal/vm/image/fetch"
)

func (r *root) imageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "image",
		Aliases: []string{"images"},
		Short:   "Work with the guest images that virtual machines are made from",
		Long: `Guest images lie in a cache that all instances share. Those that a template names as "rdd:NAME" are built on this
machine from Debian's packages; those that it names by a URL or a file are downloaded or copied. Both happen when the first
virtual machine needs them. These commands need no running daemon.`,
		Example: `  rdd image build
  rdd image list
  rdd image prune`,
	}
	cmd.AddCommand(r.imageBuildCommand(), r.imageListCommand(), r.imageRemoveCommand(), r.imagePruneCommand())
	return cmd
}

// images opens the cache, which belongs to no instance.
func (r *root) images() (*image.Store, error) {
	inst, err := r.instance()
	if err != nil {
		return nil, err
	}
	return image.NewStore(inst.ImageDir(), build.New(), fetch.New()), nil
}

// defaultImage is what `rdd image build` builds when it is told no name.
const defaultImage = "docker"

func (r *root) imageBuildCommand() *cobra.Command {
	var force bool
	var mirror string
	cmd := &cobra.Command{
		Use:   "build [NAME]",
		Short: "Build a guest image, unless the cache holds one that is up to date",
		Long: `Build builds the guest image NAME (default ` + defaultImage + `) from Debian's packages, as root or as an ordinary user. Packages
come from the mirror of the host's own apt sources, or from Debian's where the host has none.`,
		Example: `  rdd image build
  rdd image build --force
  rdd image build --mirror https://mirror.example.org/debian`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: r.completeRecipe,
	}
	cmd.Flags().BoolVar(&force, "force", false, "build it even when there is one, to get newer packages")
	cmd.Flags().StringVar(&mirror, "mirror", "", "URL of the Debian archive to take packages from; implies --force")
	output := addOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := defaultImage
		if len(args) > 0 {
			name = args[0]
		}
		store, err := r.images()
		if err != nil {
			return err
		}
		built, err := r.buildImage(cmd.Context(), store, name, mirror, force || mirror != "")
		if err != nil {
			return err
		}
		return output.print(r.out, built, func(w io.Writer) {
			fmt.Fprintf(w, "The image %s is ready: %s\n", built.Name, filepath.Dir(built.Disk))
		})
	}
	return cmd
}

// buildImage builds an image and shows how far it is.
func (r *root) buildImage(ctx context.Context, store *image.Store, name, mirror string, force bool) (image.Image, error) {
	shown := newProgress(r.err)
	defer shown.end()
	listen := func(p image.Progress) { shown.show(imageProgressText(p)) }
	if force {
		return store.Build(ctx, name, image.BuildOptions{Mirror: mirror}, listen)
	}
	return store.Ensure(ctx, name, listen)
}

// imageProgressText is a step of a build as people see it: "building image docker 2/5: installing packages 42%".
func imageProgressText(p image.Progress) string {
	text := p.Step
	if before, after, ok := strings.Cut(p.Step, ": "); ok && p.Total > 0 {
		text = fmt.Sprintf("%s %d/%d: %s", before, p.Index, p.Total, after)
	}
	if p.Percent >= 0 {
		text += fmt.Sprintf(" %d%%", p.Percent)
	}
	return text
}

func (r *root) imageListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the guest images in the cache",
		Example: `  rdd image list
  rdd image list -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := addOutput(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		store, err := r.images()
		if err != nil {
			return err
		}
		entries, err := store.List()
		if err != nil {
			return err
		}
		if entries == nil {
			entries = []image.Entry{}
		}
		return output.print(r.out, entries, func(w io.Writer) { imageTable(w, entries) })
	}
	return cmd
}

func imageTable(w io.Writer, entries []image.Entry) {
	if len(entries) == 0 {
		fmt.Fprintln(w, "There are no guest images; to build the one for Docker: rdd image build")
		return
	}
	fmt.Fprintln(w, "ID\tSTATE\tSIZE\tAGE\tUSED BY\tFROM")
	for _, e := range entries {
		age := duration.HumanDuration(time.Since(e.Created))
		fmt.Fprintf(w, "%s\t%s\t%d MB\t%s\t%s\t%s\n", e.ID(), imageState(e), e.Size/1e6, age, imageUsers(e), e.Location())
	}
}

func imageState(e image.Entry) string {
	switch {
	case e.Current:
		return "current"
	case e.Outdated:
		return "outdated"
	default:
		return "superseded"
	}
}

// imageUsers names the machines that use an image by their directories' names.
func imageUsers(e image.Entry) string {
	if len(e.Users) == 0 {
		return "-"
	}
	names := make([]string, 0, len(e.Users))
	for _, dir := range e.Users {
		names = append(names, filepath.Base(dir))
	}
	return strings.Join(names, ",")
}

func (r *root) imageRemoveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rm IMAGE…",
		Aliases: []string{"remove", "delete"},
		Short:   "Remove guest images from the cache",
		Long: `Rm removes images, each given by its name, its ID or its digest (see: rdd image list). An image
that a virtual machine's disk refers to is not removed. One that was downloaded is downloaded anew when it is needed again.`,
		Example: `  rdd image rm docker
  rdd image rm docker-0123456789abcdef`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: r.completeImage,
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		store, err := r.images()
		if err != nil {
			return err
		}
		var errs []error
		for _, arg := range args {
			removed, err := store.Remove(arg)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			fmt.Fprintln(r.out, "Removed the image", removed.ID())
		}
		return errors.Join(errs...)
	}
	return cmd
}

func (r *root) imagePruneCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove the guest images that nothing uses and that are out of date",
		Long: `Prune removes images that no virtual machine's disk refers to: built ones that are outdated or superseded, and
downloaded ones whose location has something else by now. Downloads that were broken off are removed too.`,
		Example: `  rdd image prune
  rdd image prune --all`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&all, "all", false, "remove unused images that are up to date, too")
	cmd.RunE = func(*cobra.Command, []string) error {
		store, err := r.images()
		if err != nil {
			return err
		}
		removed, err := store.Prune(all)
		var freed int64
		for _, e := range removed {
			freed += e.Size
			fmt.Fprintln(r.out, "Removed the image", e.ID())
		}
		if err == nil {
			fmt.Fprintf(r.out, "Freed %d MB\n", freed/1e6)
		}
		return err
	}
	return cmd
}

func (r *root) completeRecipe(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	store, err := r.images()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return withPrefix(store.Names(), prefix), cobra.ShellCompDirectiveNoFileComp
}

func (r *root) completeImage(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	store, err := r.images()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	entries, err := store.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var ids []string
	for _, e := range entries {
		if !slices.Contains(args, e.ID()) {
			ids = append(ids, e.ID())
		}
	}
	return withPrefix(ids, prefix), cobra.ShellCompDirectiveNoFileComp
}

func withPrefix(words []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !strings.HasPrefix(word, prefix) })
}
