package revision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/tokligence/gateway/core/config"
)

// settle is how long the files must have been left alone before they are read:
// an editor writes in several steps.
const settle = 250 * time.Millisecond

// Watch calls saved each time the files, or one that they refer to (file:PATH), were
// saved with another content than was read last, until ctx ends. It watches
// folders, since editors and volumes put new files in the place of old ones.
func (r *Revisions) Watch(ctx context.Context, saved func()) (err error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	dir := filepath.Dir(r.Path)
	more := filepath.Join(dir, "conf.d")
	if err := w.Add(dir); err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	watchMore := func() {
		for _, dir := range append(r.referred(), more) {
			_ = w.Add(dir) // it need not exist
		}
	}
	watchMore()
	timer := time.NewTimer(settle) // for what was saved since the files were read
	for {
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case e, ok := <-w.Events:
			if !ok {
				return errors.New("the watch of the configuration ended")
			}
			if r.concerns(e.Name, more) {
				timer.Reset(settle)
			}
		case <-r.refers:
			timer.Reset(settle)
		case <-w.Errors: // some were lost: look
			timer.Reset(settle)
		case <-timer.C:
			watchMore()
			if r.differs() {
				saved()
			}
		}
	}
}

// referred are the folders of the files that are referred to.
func (r *Revisions) referred() (dirs []string) {
	r.changing.Lock()
	defer r.changing.Unlock()
	for path := range r.followed {
		dirs = append(dirs, filepath.Dir(path))
	}
	return dirs
}

// concerns tells whether a name is that of a file which is read. Volumes of
// containers replace a link called ..data.
func (r *Revisions) concerns(name, more string) bool {
	name = filepath.Clean(name)
	r.changing.Lock()
	defer r.changing.Unlock()
	for path := range r.followed {
		if filepath.Clean(path) == name {
			return true
		}
	}
	return name == filepath.Clean(r.Path) || name == more || filepath.Base(name) == "..data" ||
		filepath.Dir(name) == more && strings.HasSuffix(name, ".toml")
}

// differs tells whether the files have another content than was read last.
func (r *Revisions) differs() bool {
	r.changing.Lock()
	defer r.changing.Unlock()
	for path, before := range r.followed {
		if config.DigestOf(path) != before {
			return true
		}
	}
	return r.readDigest() != r.digest
}

// readDigest is a hash of all files, or of what keeps them from being read.
func (r *Revisions) readDigest() string {
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(r.Path), "conf.d", "*.toml")) // loading tells of an error
	slices.Sort(files)
	h := sha256.New()
	for _, file := range append([]string{r.Path}, files...) {
		b, err := os.ReadFile(file)
		sum := sha256.Sum256(b)
		fmt.Fprintf(h, "%s %x %v\n", file, sum, err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
