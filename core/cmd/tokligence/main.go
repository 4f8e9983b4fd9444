// Command tokligence is the gateway and the tools around it.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
)

// version is set when a release is built.
var version = "dev"

func main() { os.Exit(run(os.Args[1:])) }

// errUsage marks a command line that is wrong: exit code 2.
var errUsage = errors.New("usage")

// run is main for the tests: 0 ok, 1 failed, 2 usage.
func run(args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.Execute()
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "tokligence:", core.MaskSecrets(err.Error()))
		return 2
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintln(os.Stderr, "tokligence:", core.MaskSecrets(err.Error())) // an argument may be a key
	}
	return 1
}

// errReported is a failure that has been told already.
var errReported = errors.New("reported")

func rootCommand() *cobra.Command {
	root := &cobra.Command{Use: "tokligence", Short: "Self-hosted LLM gateway", SilenceUsage: true, SilenceErrors: true}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	defer checkUsage(root)
	root.AddCommand(serveCommand(), checkCommand(), initCommand(), orgCommand(), teamCommand(), projectCommand(), userCommand(), inviteCommand(), sessionCommand(), keyCommand(), modelGroupCommand(), ledgerCommand(), auditCommand(), webhookCommand(), eventCommand(), modelsCommand(), credentialCommand(), deploymentCommand(), guardrailCommand(), configCommand(), pluginCommand(), encryptionCommand(), adminCommand(), doctorCommand(), versionCommand())
	return root
}

// checkUsage makes wrong arguments of cmd and all commands below usage errors.
// A command that only groups others shows its help, and fails on a name that
// it does not have.
func checkUsage(cmd *cobra.Command) {
	if args := cmd.Args; args != nil {
		cmd.Args = func(cmd *cobra.Command, given []string) error {
			if err := args(cmd, given); err != nil {
				return fmt.Errorf("%w: %s: %w", errUsage, cmd.CommandPath(), err)
			}
			return nil
		}
	}
	if !cmd.Runnable() {
		cmd.Args = func(cmd *cobra.Command, given []string) error {
			if len(given) > 0 {
				return fmt.Errorf("%w: %s has no command %q", errUsage, cmd.CommandPath(), given[0])
			}
			return nil
		}
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range cmd.Commands() {
		checkUsage(sub)
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		fmt.Fprintln(cmd.OutOrStdout(), version)
		return nil
	}}
}
