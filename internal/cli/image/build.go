// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// defaultImage is the image that `rdd image build` builds without a NAME.
const defaultImage = "docker"

func buildCommand(s *session.Session) *cobra.Command {
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
		ValidArgsFunction: completeRecipe(s),
	}
	cmd.Flags().BoolVar(&force, "force", false, "build it even when there is one, to get newer packages")
	cmd.Flags().StringVar(&mirror, "mirror", "", "URL of the Debian archive to take packages from; implies --force")
	output := session.AddOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := defaultImage
		if len(args) > 0 {
			name = args[0]
		}
		store, err := openStore(s)
		if err != nil {
			return err
		}
		built, err := buildImage(cmd.Context(), s, store, name, mirror, force || mirror != "")
		if err != nil {
			return err
		}
		return output.Print(s.Out, built, func(w io.Writer) {
			fmt.Fprintf(w, "The image %s is ready: %s\n", built.Name, filepath.Dir(built.Disk))
		})
	}
	return cmd
}

// buildImage builds an image and shows its progress. With force it builds also when the cache holds
// one that is up to date.
func buildImage(ctx context.Context, s *session.Session, store *image.Store, name, mirror string, force bool) (image.Image, error) {
	shown := session.NewProgress(s.Err)
	defer shown.End()
	listen := func(p image.Progress) { shown.Show(progressText(p)) }
	if force {
		return store.Build(ctx, name, image.BuildOptions{Mirror: mirror}, listen)
	}
	return store.Ensure(ctx, name, listen)
}

// progressText is a step of a build for people: "building image docker 2/5: installing packages
// 42%".
func progressText(p image.Progress) string {
	text := p.Step
	if before, after, ok := strings.Cut(p.Step, ": "); ok && p.Total > 0 {
		text = fmt.Sprintf("%s %d/%d: %s", before, p.Index, p.Total, after)
	}
	if p.Percent >= 0 {
		text += fmt.Sprintf(" %d%%", p.Percent)
	}
	return text
}

func completeRecipe(s *session.Session) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		store, err := openStore(s)
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return session.WithPrefix(store.Names(), prefix), cobra.ShellCompDirectiveNoFileComp
	}
}
