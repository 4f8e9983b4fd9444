package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/ledger/prices"
)

func checkCommand() *cobra.Command {
	var path string
	var strict bool
	cmd := &cobra.Command{Use: "check", Short: "Print every problem of a configuration", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		_, problems, err := check(cmd, path)
		if err != nil {
			return err
		}
		for _, p := range problems {
			fmt.Fprintln(cmd.OutOrStdout(), p)
		}
		if config.HasErrors(problems) || strict && len(problems) > 0 {
			return errReported
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s is valid\n", path)
		return nil
	}}
	cmd.Flags().StringVarP(&path, "config", "c", "gateway.toml", "configuration file")
	cmd.Flags().BoolVar(&strict, "strict", false, "warnings fail as well")
	return cmd
}

// check reads the configuration and builds it, if it is sound by itself, as
// serving would.
func check(cmd *cobra.Command, path string) (*config.Config, []config.Problem, error) {
	c, problems := config.Load(path, os.LookupEnv)
	if c == nil {
		return nil, problems, nil
	}
	m := Main{Stderr: cmd.ErrOrStderr(), LogLevel: slog.LevelWarn, config: c}
	m.log = m.logger()
	cache := m.cacheDir()
	if _, err := os.Stat(cache); err != nil {
		cache = "" // checking leaves nothing behind
	}
	m.book = prices.Catalogue()
	m.loader = newLoader(m.log, cache)
	snap, more := m.build(cmd.Context(), c)
	if snap != nil {
		snap.Close()
	}
	return c, append(problems, more...), m.loader.Close(cmd.Context())
}

func initCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{Use: "init", Short: "Write a commented gateway.toml", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists already", path)
		}
		if err != nil {
			return err
		}
		if _, err := f.WriteString(config.Starter()); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "wrote %s; start with: tokligence serve -c %s\n", path, path)
		return nil
	}}
	cmd.Flags().StringVarP(&path, "config", "c", "gateway.toml", "file to write")
	return cmd
}
