package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/seal"
)

// keyFile is where the encryption key of a SQLite database is made.
func keyFile(database string) string { return database + ".key" }

// openSealer takes the encryption keys that are configured. A SQLite database
// gets a key file beside it when none is; what else lacks a key can do everything
// but store a secret.
func (m *Main) openSealer(ctx context.Context) (*seal.Ring, error) {
	s := m.config.Security
	ring := seal.Without("the gateway has no encryption key: set encryption_key of [security]", s.PreviousKeys...)
	database, isFile := databaseFile(m.config.Storage.URL)
	var err error
	switch {
	case s.EncryptionKey != nil:
		ring = seal.New(s.EncryptionKey, s.PreviousKeys...)
	case isFile:
		ring, err = m.ownKey(ctx, keyFile(database), s)
	}
	if err != nil {
		return nil, fmt.Errorf("encryption key: %w", err)
	}
	uses, err := ring.Survey(ctx, m.store)
	for _, u := range uses {
		if !u.Known {
			m.log.Error("secrets in the database cannot be opened: their encryption key is not in [security]", "kind", u.Kind, "key", u.Key, "count", u.Count)
		}
	}
	return ring, err
}

// ownKey reads the key file beside the database, or makes it. None is made where
// secrets wait for a key that is missing: with another, nobody would look for it.
func (m *Main) ownKey(ctx context.Context, file string, s config.Security) (*seal.Ring, error) {
	k, open, err := seal.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		ring := seal.Without("the encryption key file "+file+" is missing, and secrets in the database need it: bring it back, or set encryption_key of [security]", s.PreviousKeys...)
		uses, err := ring.Survey(ctx, m.store)
		if err != nil {
			return nil, err
		}
		for _, u := range uses {
			if !u.Known {
				return ring, nil
			}
		}
		if err := seal.CreateFile(file); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		m.log.Info("an encryption key was made for secrets in the database: keep a copy of it apart from the database", "file", file)
		k, open, err = seal.ReadFile(file)
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	if open {
		m.log.Warn("others than its owner may read the encryption key: chmod 600 mends that", "file", file)
	}
	return seal.New(k, s.PreviousKeys...), nil
}

// encryptionState is what the API tells of encryption keys.
type encryptionState struct {
	Key, Why                  string
	Uses                      []seal.Use
	Resealed, Current, Failed int
	Faults                    []seal.Fault
}

func encryptionCommand() *cobra.Command {
	c := &apiClient{}
	cmd := &cobra.Command{Use: "encryption", Short: "Encryption of the secrets in the database", Long: `Credentials and other secrets that are given by API are kept encrypted.

To change the encryption key: give the new one as encryption_key of [security] and
the old one among previous_keys, restart every gateway, and reseal. Status says
when nothing needs the old key any more; take it out then.`}
	c.flags(cmd)
	one := func(use, short, method, path string, finish func(*encryptionState) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := c.call(method, path, nil)
			if err != nil {
				return err
			}
			var s encryptionState
			err = c.show(cmd, raw, &s, func(w *tabwriter.Writer) { s.table(w, method == "POST") })
			return cmp.Or(err, finish(&s))
		}}
	}
	cmd.AddCommand(one("status", "Tell on which keys the secrets depend", "GET", "/encryption", func(*encryptionState) error { return nil }),
		one("reseal", "Encrypt all secrets anew with the current key; may be ended and begun again at any time", "POST", "/encryption/reseal", (*encryptionState).verdict))
	return cmd
}

func (s *encryptionState) table(w *tabwriter.Writer, resealed bool) {
	if resealed {
		fmt.Fprintf(w, "resealed\t%d\nwere so already\t%d\nfailed\t%d\n", s.Resealed, s.Current, s.Failed)
	} else {
		fmt.Fprintf(w, "current key\t%s\n", cmp.Or(s.Key, "none: "+s.Why))
	}
	for _, f := range s.Faults {
		fmt.Fprintf(w, "%s %s\t%s\n", f.Kind, f.ID, f.Why)
	}
	if len(s.Uses) > 0 {
		fmt.Fprintln(w, "\nKEY\tSECRETS\tKIND\tSTATE")
	}
	for _, u := range s.Uses {
		state := "can be opened; reseal before its key goes"
		switch {
		case u.Key == s.Key && u.Key != "":
			state = "current"
		case !u.Known:
			state = "CANNOT be opened: its key is not in [security]"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", cmp.Or(u.Key, "damaged"), u.Count, u.Kind, state)
	}
}

// verdict is an error when something still depends on another key.
func (s *encryptionState) verdict() error {
	var left []string
	for _, u := range s.Uses {
		if u.Key != s.Key {
			left = append(left, fmt.Sprintf("%d of kind %s on key %s", u.Count, u.Kind, cmp.Or(u.Key, "none: damaged")))
		}
	}
	if len(left) == 0 {
		return nil
	}
	return errors.New("not everything is sealed with the current key: " + strings.Join(left, ", "))
}
