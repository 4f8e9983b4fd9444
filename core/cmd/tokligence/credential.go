package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// secretFlags say where the secret fields of a credential come from: never from
// the command line, which others can read.
type secretFlags struct{ from, fields []string }

func (s *secretFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&s.from, "from", nil, "FIELD=env:NAME or FIELD=file:PATH, for the gateway to read; without FIELD= it is api_key")
	cmd.Flags().StringSliceVar(&s.fields, "field", nil, "fields whose secrets are read from standard input, a line each (default api_key)")
}

// into reads the fields. Without any flag it is api_key from standard input.
func (s *secretFlags) into(in map[string]any, stdin io.Reader) error {
	for _, from := range s.from {
		field, ref, ok := strings.Cut(from, "=")
		if !ok {
			field, ref = "api_key", from
		}
		if !strings.HasPrefix(ref, "env:") && !strings.HasPrefix(ref, "file:") {
			return fmt.Errorf("%w: --from takes env:NAME or file:PATH; pipe a secret into standard input", errUsage)
		}
		in[field] = ref
	}
	fields := s.fields
	if len(fields) == 0 && len(s.from) == 0 {
		fields = []string{"api_key"}
	}
	if len(fields) == 0 {
		return nil
	}
	if f, ok := stdin.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return errors.New("the secret is read from standard input: pipe it in, so that it is not seen")
		}
	}
	lines := bufio.NewScanner(stdin)
	lines.Buffer(nil, 1<<20)
	for _, field := range fields {
		if !lines.Scan() {
			return errors.Join(fmt.Errorf("standard input has no line for %s", field), lines.Err())
		}
		in[field] = strings.TrimSuffix(lines.Text(), "\r")
	}
	return nil
}

func credentialCommand() *cobra.Command {
	n := objectNoun{"credential", "/credentials", []string{"provider"}}
	c := &apiClient{}
	cmd := &cobra.Command{Use: n.kind, Short: "Credentials: secrets towards providers"}
	c.flags(cmd)
	var provider string
	var secrets secretFlags
	var owner func() map[string]any
	create := &cobra.Command{Use: "create NAME", Short: "Store a credential, with its secret from standard input", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		in := owner()
		in["name"], in["provider"] = args[0], provider
		if err := secrets.into(in, cmd.InOrStdin()); err != nil {
			return err
		}
		return n.answer(c, cmd, "POST", n.path, in)
	}}
	create.Flags().StringVar(&provider, "provider", "", "plugin id of the provider that it is for")
	secrets.add(create)
	owner = addFlags(create, orgFlag, teamFlag)
	var changed secretFlags
	var unset []string
	update := &cobra.Command{Use: "update NAME", Short: "Replace secrets by those of standard input", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		in := map[string]any{}
		for _, field := range unset {
			in[field] = nil
		}
		if len(unset) == 0 || len(changed.from)+len(changed.fields) > 0 {
			if err := changed.into(in, cmd.InOrStdin()); err != nil {
				return err
			}
		}
		return n.answer(c, cmd, "PATCH", n.at(args[0]), in)
	}}
	changed.add(update)
	update.Flags().StringSliceVar(&unset, "unset", nil, "fields to take away")
	cmd.AddCommand(n.list(c), create, n.one(c, "show", "Show the credential with its secrets masked", "GET"), update, n.one(c, "delete", "Delete the credential", "DELETE"))
	return cmd
}
