package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLoad_Security(t *testing.T) {
	const key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1dfeff"
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.key"), []byte(key+"\n"))
	writeFile(t, filepath.Join(dir, "gateway.toml"), []byte("[security]\nencryption_key = \"env:KEY\"\nprevious_keys = [\"file:a.key\"]\n"))
	load := func() (*Config, string) {
		c, problems := Load(filepath.Join(dir, "gateway.toml"), lookup(map[string]string{"KEY": key[2:] + "aa"}))
		return c, list(problems)
	}
	c, problems := load()
	if c == nil || problems != "" {
		t.Fatal(problems)
	}
	s := c.Security
	if s.EncryptionKey == nil || len(s.PreviousKeys) != 1 || s.PreviousKeys[0].ID() == s.EncryptionKey.ID() {
		t.Errorf("%+v", s)
	}
	if err := os.Chmod(filepath.Join(dir, "a.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, problems := load(); c == nil || problems != filepath.Join(dir, "gateway.toml")+":3: warning: security.previous_keys[0]: others than its owner may read file:a.key: chmod 600 mends that\n" {
		t.Error(problems)
	}
}
