// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// Sizes of an additional disk, in bytes.
const (
	minDiskSize = 16 << 20
	maxDiskSize = 1 << 50
)

// diskCommand is `rdd limavm disk`.
func diskCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "disk",
		Aliases: []string{"disks"},
		Short:   "Work with disks that outlive virtual machines",
		Long: `Disk works with the disks that templates name in additionalDisks. They are deleted with no virtual machine, and
used by one at a time. These commands need no running daemon.`,
		Example: `  rdd limavm disk create data --size 50GiB
  rdd limavm disk list
  rdd limavm disk delete data`,
	}
	cmd.AddCommand(diskCreateCommand(s), diskListCommand(s), diskResizeCommand(s), diskDeleteCommand(s))
	return cmd
}

func keeperOf(s *session.Session) (vm.DiskKeeper, error) {
	return session.Ability[vm.DiskKeeper](s, "keep disks")
}

func diskCreateCommand(s *session.Session) *cobra.Command {
	var size string
	cmd := &cobra.Command{
		Use:               "create NAME",
		Short:             "Make an empty disk",
		Long:              "Create makes an empty disk, which takes room on the host as it is filled. The first virtual machine formats it.",
		Example:           "  rdd limavm disk create data --size 50GiB",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addSize(cmd, &size)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		bytes, err := diskSize(size)
		if err != nil {
			return err
		}
		if !template.ValidDiskName(args[0]) {
			return fmt.Errorf("the name %q is not valid: use up to 63 letters and digits, with dots, dashes or underscores between them", args[0])
		}
		keeper, err := keeperOf(s)
		if err != nil {
			return err
		}
		if err := keeper.CreateDisk(cmd.Context(), args[0], bytes); errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("there is a disk %s already; to see it: rdd limavm disk list", args[0])
		} else if errors.Is(err, fs.ErrNotExist) {
			return errors.New("there is no instance to keep the disk; to make one: rdd service create")
		} else if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "Created the disk %[1]s. To use it in a template: additionalDisks: [%[1]s]\n", args[0])
		return nil
	}
	return cmd
}

func diskListCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the disks", Example: "  rdd limavm disk list\n  rdd limavm disk list -o json",
		Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := session.AddOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		keeper, err := keeperOf(s)
		if err != nil {
			return err
		}
		all, err := keeper.Disks(cmd.Context())
		if err != nil {
			return err
		}
		if all == nil {
			all = []vm.Disk{}
		}
		return output.Print(s.Out, all, func(w io.Writer) { diskTable(w, all) })
	}
	return cmd
}

func diskTable(w io.Writer, all []vm.Disk) {
	if len(all) == 0 {
		fmt.Fprintln(w, "There are no disks; to make one: rdd limavm disk create NAME --size 10GiB")
		return
	}
	fmt.Fprintln(w, "NAME\tSIZE\tON HOST\tUSED BY")
	for _, d := range all {
		used := d.UsedBy
		if used == "" {
			used = "-"
		}
		if d.Damage != "" {
			fmt.Fprintf(w, "%s\t?\t?\t%s\n", d.Name, "damaged: "+d.Damage)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.Name, units.BytesSize(float64(d.Size)), units.BytesSize(float64(d.Used)), used)
	}
}

func diskResizeCommand(s *session.Session) *cobra.Command {
	var size string
	cmd := &cobra.Command{
		Use:               "resize NAME",
		Short:             "Make a disk larger",
		Long:              "Resize makes a disk larger that no virtual machine uses. The file system on it follows at the next start.",
		Example:           "  rdd limavm disk resize data --size 100GiB",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeDisk(s),
	}
	addSize(cmd, &size)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		bytes, err := diskSize(size)
		if err != nil {
			return err
		}
		keeper, err := keeperOf(s)
		if err != nil {
			return err
		}
		if err := keeper.ResizeDisk(cmd.Context(), args[0], bytes); err != nil {
			return diskError(args[0], err)
		}
		fmt.Fprintf(s.Out, "The disk %s has %s.\n", args[0], units.BytesSize(float64(bytes)))
		return nil
	}
	return cmd
}

func diskDeleteCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:               "delete NAME…",
		Aliases:           []string{"rm", "remove"},
		Short:             "Delete disks with all that is on them",
		Long:              "Delete deletes disks, with all that is on them. One that a virtual machine uses is not deleted.",
		Example:           "  rdd limavm disk delete data",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeDisk(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			keeper, err := keeperOf(s)
			if err != nil {
				return err
			}
			var errs []error
			for _, name := range session.Distinct(args) {
				if err := keeper.DeleteDisk(cmd.Context(), name); err != nil {
					errs = append(errs, diskError(name, err))
					continue
				}
				fmt.Fprintf(s.Out, "Deleted the disk %s.\n", name)
			}
			return errors.Join(append(errs, dropEmptyHome(s))...)
		},
	}
}

// dropEmptyHome removes the directories that were kept for disks alone, when an instance is gone
// and its last disk, too. They stay when something else is in them.
func dropEmptyHome(s *session.Session) error {
	if exists, err := s.InstanceExists(); err != nil || exists {
		return err
	}
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	for _, dir := range []string{inst.LimaHome(), inst.ShortDir} {
		_ = atomicfile.Remove(dir) // fails when it is not empty: then it is somebody's and stays
	}
	return nil
}

func addSize(cmd *cobra.Command, size *string) {
	cmd.Flags().StringVar(size, "size", "", "`SIZE` of the disk, such as 50GiB")
	if err := cmd.MarkFlagRequired("size"); err != nil {
		panic(err) // only for a flag that does not exist
	}
}

// diskSize reads a size as templates have it.
func diskSize(text string) (int64, error) {
	size, err := units.RAMInBytes(text)
	if err != nil || size < minDiskSize || size > maxDiskSize {
		return 0, fmt.Errorf("--size must be a size such as 50GiB, of at least 16MiB; got %q", text)
	}
	return size, nil
}

// diskError adds the way out to an error of a disk.
func diskError(name string, err error) error {
	var inUse *vm.DiskInUseError
	switch {
	case errors.Is(err, vm.ErrNotFound):
		return fmt.Errorf("there is no disk %q; to see which there are: rdd limavm disk list", name)
	case errors.As(err, &inUse) && inUse.By != "":
		return fmt.Errorf("%w; to stop it: rdd limavm stop %s", err, inUse.By)
	}
	return err
}

func completeDisk(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		keeper, err := keeperOf(s)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all, err := keeper.Disks(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []string
		for _, d := range all {
			names = append(names, d.Name)
		}
		return session.WithPrefix(names, prefix), cobra.ShellCompDirectiveNoFileComp
	}
}
