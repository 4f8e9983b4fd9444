package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/store"
)

func checkCommand() *cobra.Command {
	var path string
	var strict bool
	cmd := &cobra.Command{Use: "check", Short: "Lint the configuration", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		_, problems := config.Load(path, os.LookupEnv)
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

// doctorCommand looks at everything that a start needs, and says all that is wrong.
func doctorCommand() *cobra.Command {
	var path, url string
	cmd := &cobra.Command{Use: "doctor", Short: "Look at what the gateway needs to run", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		failed := false
		say := func(what string, err error) {
			mark, text := "ok  ", ""
			if err != nil {
				mark, text, failed = "FAIL", ": "+err.Error(), true
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s  %s%s\n", mark, what, text)
		}
		c, problems := config.Load(path, os.LookupEnv)
		for _, p := range problems {
			fmt.Fprintln(cmd.OutOrStdout(), "     ", p)
		}
		if config.HasErrors(problems) {
			say("configuration "+path, errors.New("not valid"))
			return errReported
		}
		say("configuration "+path, nil)
		s, err := store.Open(cmd.Context(), c.Storage.URL, time.Now)
		if err == nil {
			err = errors.Join(s.Ping(cmd.Context()), s.Close())
		}
		say("store "+c.Storage.URL, err)
		if url == "" {
			url = "http://" + c.Server.Listen
		}
		client := http.Client{Timeout: 5 * time.Second}
		resp, err := client.Get(url + "/readyz")
		if err == nil {
			if resp.StatusCode != http.StatusOK {
				err = errors.New(resp.Status)
			}
			resp.Body.Close()
		}
		say("gateway at "+url, err)
		if failed {
			return errReported
		}
		return nil
	}}
	cmd.Flags().StringVarP(&path, "config", "c", "gateway.toml", "configuration file")
	cmd.Flags().StringVar(&url, "url", "", "the gateway's address; by default where the configuration lets it listen")
	return cmd
}
