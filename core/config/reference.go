package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// reference is "env:NAME" or "file:PATH".
type reference struct{ kind, name string }

func (r reference) String() string { return r.kind + ":" + r.name }

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseReference recognises a reference. "file://…" is a URL and none.
func parseReference(s string) (r reference, ok bool, err error) {
	if name, found := strings.CutPrefix(s, "env:"); found {
		if !envName.MatchString(name) {
			return r, false, errors.New(`"env:" must be followed by the name of an environment variable`)
		}
		return reference{"env", name}, true, nil
	}
	if name, found := strings.CutPrefix(s, "file:"); found && !strings.HasPrefix(name, "//") {
		if name == "" {
			return r, false, errors.New(`"file:" must be followed by a path`)
		}
		return reference{"file", name}, true, nil
	}
	return r, false, nil
}

// errOwnedReference keeps teams and organizations from reading what is the
// operator's.
var errOwnedReference = errors.New("must be the value itself: variables and files are the operator's")

// IsReference reports whether a text stands for the value of a variable or a file.
func IsReference(s string) bool {
	_, ok, err := parseReference(s)
	return ok || err != nil
}

// maxReferenced bounds the file behind a reference: it holds one value.
const maxReferenced = 1 << 20

// follow returns the value behind r exactly, but for one line end at the end
// of a file. An empty value counts as missing: an empty key must never be sent.
func (l *loader) follow(r reference, dir string) (string, error) {
	if r.kind == "env" {
		s, ok := l.env(r.name)
		switch {
		case !ok:
			return "", fmt.Errorf("environment variable %s is not set", r.name)
		case s == "":
			return "", fmt.Errorf("environment variable %s is empty", r.name)
		}
		l.cfg.behind = append(l.cfg.behind, s)
		return s, nil
	}
	path := resolvePath(dir, r.name)
	b, err := l.read(path)
	l.cfg.followed[path] = digestOf(b, err)
	if err != nil {
		return "", fmt.Errorf("file %s cannot be read: %w", r.name, cause(err))
	}
	s, cut := strings.CutSuffix(string(b), "\n")
	if cut {
		s = strings.TrimSuffix(s, "\r")
	}
	if s == "" {
		return "", fmt.Errorf("file %s is empty", r.name)
	}
	l.cfg.behind = append(l.cfg.behind, s)
	return s, nil
}

// Digest tells contents of a file apart. The zero value is that of one that cannot
// be read.
type Digest [sha256.Size]byte

func digestOf(b []byte, err error) Digest {
	if err != nil {
		return Digest{}
	}
	return sha256.Sum256(b)
}

// Followed are the files that references led to, with what stood in them.
func (c *Config) Followed() map[string]Digest { return c.followed }

// DigestOf is that of a referenced file as it is now.
func DigestOf(path string) Digest { return digestOf(readValue(path)) }

// readValue reads a small file.
func readValue(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxReferenced+1))
	if err == nil && len(b) > maxReferenced {
		err = fmt.Errorf("longer than %d bytes", maxReferenced)
	}
	return b, err
}

// cause is what went wrong without the path, which the message has already.
func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// resolvePath takes a relative path from dir.
func resolvePath(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// ParseSize reads bytes: "64MiB", "10MB", "512KiB", "4096".
func ParseSize(s string) (int64, error) {
	units := []struct {
		suffix string
		factor int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 40)
		if err != nil || int64(n) > (1<<50)/u.factor {
			break
		}
		return int64(n) * u.factor, nil
	}
	return 0, fmt.Errorf("%q is not a size such as %q or %q", s, "64MiB", "512KiB")
}
