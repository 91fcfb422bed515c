// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/logging"
)

// LogLevelVariable is the environment variable for the level without --log-level.
const LogLevelVariable = "RDD_LOG_LEVEL"

const (
	logLevelFlag  = "log-level"
	logFormatFlag = "log-format"
)

// logFlags are the values of --log-level and --log-format; empty without the flag.
type logFlags struct{ level, format Choice }

// AddLogging gives cmd, and all commands below it, the flags --log-level and --log-format. They
// have the same values in each tree that they are added to.
func (s *Session) AddLogging(cmd *cobra.Command) {
	s.logging.level.Valid, s.logging.format.Valid = logging.Levels(), logging.Formats()
	flags := cmd.PersistentFlags()
	flags.Var(&s.logging.level, logLevelFlag, "what to log (default $"+LogLevelVariable+" or info)")
	flags.Var(&s.logging.format, logFormatFlag, "how to log (default text)")
	for name, valid := range map[string][]string{logLevelFlag: logging.Levels(), logFormatFlag: logging.Formats()} {
		// It fails for a flag that does not exist.
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(valid, cobra.ShellCompDirectiveNoFileComp))
	}
}

// Logging returns what the flags and the environment say about this process's log. The level is
// empty where neither says one.
func (s *Session) Logging() (logging.Options, error) {
	level := s.logging.level.Value
	if level == "" {
		level = os.Getenv(LogLevelVariable)
	}
	if level != "" && !slices.Contains(logging.Levels(), level) {
		return logging.Options{}, fmt.Errorf("%s: invalid value %q; %w", LogLevelVariable, level, ValidValues(logging.Levels()))
	}
	return logging.Options{Level: logging.Level(level), Format: s.logging.format.Value}, nil
}

// ApplyLogging makes this process log as the flags and the environment say.
func (s *Session) ApplyLogging() error {
	options, err := s.Logging()
	if err != nil || options == (logging.Options{}) {
		return err
	}
	return options.Apply(s.Err)
}

// ApplyDaemonLogging makes this process log as a daemon with these arguments.
func (s *Session) ApplyDaemonLogging(arguments presence.Arguments) error {
	level := logging.LevelOf(arguments.Verbosity)
	if err := (logging.Options{Level: level, Format: arguments.LogFormat}).Apply(os.Stderr); err != nil {
		return err
	}
	klog.InfoS("Logging", "level", level, "verbosity", arguments.Verbosity)
	return nil
}

// SetLogging sets in the arguments of a daemon what the flags and the environment say about its
// log.
func (s *Session) SetLogging(arguments *presence.Arguments) error {
	options, err := s.Logging()
	if err != nil {
		return err
	}
	if options.Level != "" {
		arguments.Verbosity = options.Level.Verbosity()
	}
	if options.Format != "" {
		arguments.LogFormat = options.Format
	}
	return nil
}

// LoggingGiven reports whether one of the flags about the log is given.
func (s *Session) LoggingGiven() bool { return len(s.logArguments()) > 0 }

// logArguments are the flags about the log for a daemon that this process starts. It reads the
// environment itself.
func (s *Session) logArguments() []string {
	var arguments []string
	if level := s.logging.level.Value; level != "" {
		arguments = append(arguments, "--"+logLevelFlag, level)
	}
	if format := s.logging.format.Value; format != "" {
		arguments = append(arguments, "--"+logFormatFlag, format)
	}
	return arguments
}
