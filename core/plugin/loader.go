package plugin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/tokligence/gateway/pdk/abi"
)

// builtin begins the source of a plugin inside the binary.
const builtin = "builtin:"

// Declaration is a plugin as gateway.toml declares it.
type Declaration struct {
	ID         string
	Source     string // builtin:NAME, or a path
	Carrier    string // "" lets the file decide
	SHA256     string // lower-case hex; "" is not pinned
	Limits     Limits
	Config     json.RawMessage // an object; nil is {}
	AllowHosts []string
}

// Builtins are the plugins inside the binary.
type Builtins interface {
	// Open returns the code of that name.
	Open(name string) ([]byte, error)
	// Profile returns the JSON of the Profile of that name, nil when there is none. A
	// name may be both: the profile is then what builtin:NAME means.
	Profile(name string) []byte
	// Names are those of all code and profiles.
	Names() []string
}

// Options are what a Loader needs.
type Options struct {
	Carriers map[string]Carrier // by name: wasm, extism, process
	Builtins Builtins
	CacheDir string
	Log      func(plugin, level, message string)
}

// Loader loads plugins when they are first asked for, and shares what is equal:
// one compiled code for equal files, one pool of instances for equal
// declarations. A new configuration revision therefore compiles only what is
// new to it. Safe for concurrent use.
type Loader struct {
	Options
	mu     sync.Mutex // of the maps; never held while a plugin works
	codes  map[string]*sharedCode
	loaded map[string]*Loaded
	gates  sync.Map       // codeKey or built-in source → *sync.Mutex: equal files are read and opened once
	slots  chan struct{}  // of files being opened: it takes a processor, and memory
	use    sync.RWMutex   // Close waits for what is being loaded
	ending sync.WaitGroup // released plugins whose calls have not ended yet
	sums   sync.Map       // source of a built-in plugin → its SHA-256: it is unpacked only to be opened
}

// maxOpening is how many files are opened at a time at most: a compiler takes
// some 40 MB.
const maxOpening = 4

// NewLoader makes a loader that has loaded nothing.
func NewLoader(o Options) *Loader {
	return &Loader{Options: o, codes: make(map[string]*sharedCode), loaded: make(map[string]*Loaded), slots: make(chan struct{}, min(runtime.GOMAXPROCS(0), maxOpening))}
}

// sharedCode is an opened file with what it says of itself.
type sharedCode struct {
	key      string
	users    int
	code     Code
	manifest *abi.Manifest
}

// Loaded is a configured plugin in use.
type Loaded struct {
	Declaration Declaration
	Manifest    *abi.Manifest
	Plugin      Plugin
	SHA256      string // of the file

	loader *Loader
	key    string
	code   *sharedCode
	config json.RawMessage // with that of its profile
	users  int
}

// Load returns the declared plugin, running and configured; Release must follow.
// The error names what is wrong with the file, its manifest or its
// configuration (a *ConfigError).
func (l *Loader) Load(ctx context.Context, d Declaration) (*Loaded, error) {
	declared := d
	d, profile, err := l.resolve(d)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", d.ID, err)
	}
	data, hash, err := l.digest(d.Source)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", d.ID, err)
	}
	if d.SHA256 != "" && !strings.EqualFold(d.SHA256, hash) {
		return nil, fmt.Errorf("plugin %s: %s has the SHA-256 %s, but gateway.toml wants %s", d.ID, d.Source, hash, d.SHA256)
	}
	l.use.RLock()
	defer l.use.RUnlock()
	of := codeKey(&d, hash)
	gate, _ := l.gates.LoadOrStore(of, new(sync.Mutex))
	gate.(*sync.Mutex).Lock()
	defer gate.(*sync.Mutex).Unlock()
	key := fmt.Sprintf("%s %q %s %q %s", d.ID, declared.Source, of, d.AllowHosts, d.Config)
	if p := l.share(key); p != nil {
		return p, nil
	}
	l.slots <- struct{}{}
	defer func() { <-l.slots }()
	code, err := l.open(ctx, d, data, hash)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", d.ID, err)
	}
	p := &Loaded{Declaration: declared, Manifest: profile.manifest(code.manifest), SHA256: hash, loader: l, key: key, code: code, config: d.Config, users: 1}
	if err = checkConfig(d.ID, code.manifest.Config, d.Config); err == nil {
		p.Plugin, err = code.code.Start(ctx, Setup{ID: d.ID, Log: l.logOf(d.ID), Config: d.Config})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.drop(code)
		return nil, err
	}
	l.loaded[key] = p
	return p, nil
}

// share is one more use of a plugin that runs already, nil when it does not.
func (l *Loader) share(key string) *Loaded {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.loaded[key]
	if p != nil {
		p.users++
	}
	return p
}

// codeKey is equal for declarations that one opened file serves, whatever their
// ids. The path and the pin count: a process is started from its path again and
// again, and checked each time.
func codeKey(d *Declaration, hash string) string {
	return fmt.Sprintf("%q %q %q %s %+v", d.Carrier, d.Source, d.SHA256, hash, d.Limits)
}

func (l *Loader) logOf(id string) func(level, message string) {
	return func(level, message string) { l.Log(id, level, message) }
}

// digest is the SHA-256 of a file, and the file where it had to be read for that; else
// data is nil. Of many profiles that are loaded together, one unpacks their codec.
func (l *Loader) digest(source string) (data []byte, hash string, err error) {
	if strings.HasPrefix(source, builtin) {
		gate, _ := l.gates.LoadOrStore(source, new(sync.Mutex))
		gate.(*sync.Mutex).Lock()
		defer gate.(*sync.Mutex).Unlock()
	}
	if sum, known := l.sums.Load(source); known {
		return nil, sum.(string), nil
	}
	return l.read(source)
}

// read returns a file and its SHA-256 in hex.
func (l *Loader) read(source string) (data []byte, hash string, err error) {
	if name, ok := strings.CutPrefix(source, builtin); ok {
		data, err = l.Builtins.Open(name)
	} else {
		data, err = os.ReadFile(source)
	}
	sum := sha256.Sum256(data)
	hash = hex.EncodeToString(sum[:])
	if err == nil && strings.HasPrefix(source, builtin) {
		l.sums.Store(source, hash)
	}
	return data, hash, err
}

// open opens the file, or takes what is open already, and checks its manifest.
// data may be nil: it is then read when the file is opened.
func (l *Loader) open(ctx context.Context, d Declaration, data []byte, hash string) (*sharedCode, error) {
	key := codeKey(&d, hash)
	if c := l.shareCode(key); c != nil {
		// Another declaration may grant less than the one that opened the file.
		if err := checkManifest(c.manifest, d, c.code); err != nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.drop(c)
			return nil, err
		}
		return c, nil
	}
	if data == nil {
		var err error
		if data, _, err = l.read(d.Source); err != nil {
			return nil, err
		}
	}
	code, m, err := l.openFile(ctx, carrierOf(d, data), d, data)
	if err != nil {
		return nil, err
	}
	if err := checkManifest(m, d, code); err != nil {
		return nil, errors.Join(err, code.Close(ctx))
	}
	c := &sharedCode{key: key, users: 1, code: code, manifest: m}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.codes[key] = c
	return c, nil
}

// shareCode is one more use of a file that is open already, nil when it is not.
func (l *Loader) shareCode(key string) *sharedCode {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.codes[key]
	if c != nil {
		c.users++
	}
	return c
}

// openFile has the named carrier open the file, and asks it what it is.
func (l *Loader) openFile(ctx context.Context, name string, d Declaration, data []byte) (Code, *abi.Manifest, error) {
	carrier := l.Carriers[name]
	if carrier == nil {
		return nil, nil, fmt.Errorf("there is no carrier %q", name)
	}
	s := Source{ID: d.ID, Path: d.Source, SHA256: d.SHA256, Limits: d.Limits, CacheDir: l.CacheDir, Log: l.logOf(d.ID)}
	if name != "process" {
		s.Bytes = data
	}
	if strings.HasPrefix(d.Source, builtin) { // what lies on disk may be another file by then
		s.Again = func() ([]byte, error) {
			again, _, err := l.read(d.Source)
			return again, err
		}
	}
	code, err := carrier.Open(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	m, err := describe(ctx, code)
	if err != nil {
		return nil, nil, errors.Join(err, code.Close(ctx))
	}
	return code, m, nil
}

// Inspection is what a file says of itself.
type Inspection struct {
	Manifest *abi.Manifest `json:"manifest"`
	Carrier  string        `json:"carrier"`
	SHA256   string        `json:"sha256"`
}

// Inspect opens a file, asks it to describe itself and closes it again.
func (l *Loader) Inspect(ctx context.Context, d Declaration) (*Inspection, error) {
	d, profile, err := l.resolve(d)
	if err != nil {
		return nil, err
	}
	data, hash, err := l.read(d.Source)
	if err != nil {
		return nil, err
	}
	name := carrierOf(d, data)
	if d.Carrier == "" && bytes.HasPrefix(data, []byte("\x7fELF")) {
		name = "process"
	}
	code, m, err := l.openFile(ctx, name, d, data)
	if err != nil {
		return nil, err
	}
	if err := code.Close(ctx); err != nil {
		return nil, err
	}
	return &Inspection{Manifest: profile.manifest(m), Carrier: name, SHA256: hash}, nil
}

// carrierOf decides how a file is run. A module that imports Extism's host
// functions is an Extism guest; nobody has to say so.
func carrierOf(d Declaration, data []byte) string {
	if d.Carrier != "" && d.Carrier != "wasm" {
		return d.Carrier
	}
	if importsFrom(data, "extism:host/env") {
		return "extism"
	}
	return "wasm"
}

// describe asks an unconfigured instance what it is.
func describe(ctx context.Context, code Code) (*abi.Manifest, error) {
	p, err := code.Start(ctx, Setup{})
	if err != nil {
		return nil, err
	}
	raw, err := p.Call(ctx, abi.Describe, nil, nil)
	if err = errors.Join(err, p.Close(ctx)); err != nil {
		return nil, err
	}
	var m abi.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("its manifest is not one: %w", err)
	}
	return &m, nil
}

// Has reports whether the plugin answers f: its file offers it, and so does its
// manifest, where that has a list.
func (p *Loaded) Has(f abi.Function) bool {
	return p.code.code.Has(f) && (p.Manifest.Functions == nil || slices.Contains(p.Manifest.Functions, f))
}

// Release gives the plugin back; the last user's release ends it, once its
// calls have ended. After the loader's Close it does nothing.
func (p *Loaded) Release() {
	l := p.loader
	l.mu.Lock()
	p.users--
	last := p.users == 0 && l.loaded[p.key] == p
	if last {
		delete(l.loaded, p.key)
		l.ending.Add(1)
	}
	l.mu.Unlock()
	if !last {
		return
	}
	defer l.ending.Done()
	// Not under the lock: a call that takes long must hold up no other plugin.
	if err := p.Plugin.Close(context.Background()); err != nil {
		l.Log(p.Declaration.ID, "warn", "closing: "+err.Error())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(p.code)
}

// drop gives up one use of an open file; l.mu is held.
func (l *Loader) drop(c *sharedCode) {
	if c.users--; c.users > 0 || l.codes[c.key] != c { // the loader's Close has closed it
		return
	}
	delete(l.codes, c.key)
	if err := c.code.Close(context.Background()); err != nil {
		l.Log(c.manifest.ID, "warn", "closing: "+err.Error())
	}
}

// Loaded lists what runs, by id.
func (l *Loader) Loaded() []*Loaded {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*Loaded, 0, len(l.loaded))
	for _, p := range l.loaded {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *Loaded) int { return strings.Compare(a.key, b.key) })
	return list
}

// Close ends everything that still runs. Plugins that have been released end
// their calls first.
func (l *Loader) Close(ctx context.Context) error {
	l.use.Lock()
	defer l.use.Unlock()
	l.mu.Lock()
	plugins, codes := slices.Collect(maps.Values(l.loaded)), slices.Collect(maps.Values(l.codes))
	clear(l.loaded)
	clear(l.codes)
	l.mu.Unlock()
	var errs []error
	for _, p := range plugins {
		errs = append(errs, p.Plugin.Close(ctx))
	}
	l.ending.Wait()
	for _, c := range codes {
		errs = append(errs, c.code.Close(ctx))
	}
	return errors.Join(errs...)
}
