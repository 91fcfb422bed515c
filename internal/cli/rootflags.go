// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rancherdesktop.io/rdd/internal/cli/ctl"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
)

// Values of --version.
const (
	versionShort = "true" // the value without "=": that of a bool
	versionRaw   = "raw"
	versionNone  = "false"
)

// versionFlag is shown as a flag without a value, which it mostly is.
type versionFlag struct{ session.Choice }

// Type implements pflag.Value.
func (*versionFlag) Type() string { return "bool" }

// addRootFlags gives rdd itself its flags. --instance and --version are its own: an error after a
// subcommand is better than a command for an instance that nobody meant.
func (p *program) addRootFlags(cmd *cobra.Command) {
	s := p.session
	cmd.Flags().StringVar(&s.InstanceName, session.InstanceFlag, "",
		"the rdd instance; only right after rdd (default $RDD_INSTANCE or "+instance.DefaultName+")")
	cmd.PersistentFlags().BoolVar(&s.AsRoot, "as-root", false, "make directories in the home of another user, who cannot use them then")
	s.AddLogging(cmd)
	version := &versionFlag{session.Choice{Valid: []string{versionShort, versionRaw, versionNone}}}
	cmd.Flags().Var(version, "version", "print rdd's version: a release or a commit; =raw for all of it")
	cmd.Flags().Lookup("version").NoOptDefVal = versionShort
	_ = cmd.RegisterFlagCompletionFunc( // it fails for a flag that does not exist
		"version", cobra.FixedCompletions(version.Valid, cobra.ShellCompDirectiveNoFileComp),
	)
	cmd.PersistentPreRunE = func(*cobra.Command, []string) error {
		switch version.Value {
		case "", versionNone:
			if ctl.CalledAsKubectl() { // which knows nothing of rdd's environment
				return nil
			}
			return s.ApplyLogging()
		}
		fmt.Fprint(s.Out, versionText(s.Build, version.Value == versionRaw))
		return &session.CodeError{} // nothing else is done
	}
}

// placeInstance makes err, a flag that a command does not have, say where --instance belongs.
func placeInstance(err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedName() == session.InstanceFlag {
		return session.ErrMisplacedInstance
	}
	return err
}
