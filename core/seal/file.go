package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadFile reads the key in a file. open reports that others than its owner may
// read the file too.
func ReadFile(path string) (k *Key, open bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	const longest = 4096 // a key and much white space
	text, err := io.ReadAll(io.LimitReader(f, longest))
	if err != nil {
		return nil, false, err
	}
	if k, err = ParseKey(string(text)); err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	return k, info.Mode().Perm()&0o077 != 0, nil
}

// CreateFile writes a new key to a file of the owner's alone. The file appears
// whole or not at all, and one that is there is never replaced: of two that
// create it at the same time, one gets an error with [fs.ErrExist].
func CreateFile(path string) (err error) {
	text, err := generate()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".encryption-key-*") // 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString(text + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close()) // a secret is sealed with it next
}
