package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/tokligence/gateway/core"
)

// Load reads the file at path and conf.d/*.toml beside it, together with the
// objects that were made by API, and returns every problem of all of them in the
// order of the files, the API's last. env looks an environment variable up. The
// Config is nil when a problem is not a warning.
func Load(path string, env func(string) (string, bool), objects ...core.ConfigObject) (*Config, []Problem) {
	l := newLoader(path, env, readValue)
	more, err := filepath.Glob(filepath.Join(filepath.Dir(path), "conf.d", "*.toml"))
	if err != nil { // only a folder whose name is a broken pattern
		l.problems = append(l.problems, Problem{File: path, Message: fmt.Sprintf("conf.d beside it cannot be listed: %v", err)})
	}
	sort.Strings(more)
	for _, file := range append([]string{path}, more...) {
		src := &source{name: file, dir: filepath.Dir(file)}
		b, err := os.ReadFile(file)
		if err != nil {
			l.files = append(l.files, src)
			l.unread = true
			hint := ""
			if errors.Is(err, fs.ErrNotExist) && file == path {
				hint = "; tokligence init writes one"
			}
			l.fail(place{src: src}, "cannot be read: %v%s", cause(err), hint)
			continue
		}
		l.add(src, string(b))
	}
	for i := range objects {
		l.addMade(&objects[i])
	}
	return l.finish()
}

// Parse is Load of one document that is not in a file: name stands for it in
// problems, relative paths start in the working directory.
func Parse(name, doc string, env func(string) (string, bool)) (*Config, []Problem) {
	l := newLoader(name, env, readValue)
	l.add(&source{name: name}, doc)
	return l.finish()
}

type loader struct {
	env      func(string) (string, bool)
	read     func(path string) ([]byte, error)
	cfg      *Config
	files    []*source
	problems []Problem
	set      map[string]place // keys of single tables that have been given: "server.listen"
	objects  map[string]place // "deployment[gpt-main]"
	missing  map[string][]missingField
	unread   bool // a file could not be read
}

// missingField is a credential's field without a value.
type missingField struct {
	at     place
	reason string
}

func newLoader(path string, env func(string) (string, bool), read func(string) ([]byte, error)) *loader {
	return &loader{
		env: env, read: read,
		cfg:     &Config{Path: path, followed: map[string]Digest{}},
		set:     map[string]place{},
		objects: map[string]place{},
		missing: map[string][]missingField{},
	}
}

func (l *loader) fail(at place, format string, args ...any) {
	l.problems = append(l.problems, Problem{
		Path: at.shown, File: at.src.name, Line: at.line(), Message: core.MaskSecrets(fmt.Sprintf(format, args...), l.cfg.behind...),
	})
}

func (l *loader) warn(at place, format string, args ...any) {
	l.fail(at, format, args...)
	l.problems[len(l.problems)-1].Warning = true
}

// add takes in one document.
func (l *loader) add(src *source, doc string) {
	l.files = append(l.files, src)
	var tree map[string]any
	if _, err := toml.Decode(doc, &tree); err != nil {
		l.unread = true
		l.problems = append(l.problems, syntaxProblem(src.name, doc, err))
		return
	}
	src.lines = findLines(doc)
	root := place{src: src}
	for _, name := range byLine(tree, root) {
		at := root.child(name)
		i := slices.IndexFunc(sections, func(s section) bool { return s.Name == name })
		if i < 0 {
			l.fail(at, "unknown key%s", didYouMean(name, sectionNames()))
			continue
		}
		sections[i].take(l, tree[name], at)
	}
}

// finish applies defaults, checks what one object says about another, and
// hands the result over.
func (l *loader) finish() (*Config, []Problem) {
	for _, s := range sections {
		if !s.Array {
			s.defaults(l)
		}
	}
	l.mergeGuardrails()
	l.cfg.places = maps.Clone(l.objects)
	for key, at := range l.set {
		l.cfg.places[parentOf(key)] = place{at.src, parentOf(at.index), parentOf(at.shown)}
	}
	if !l.unread { // what a missing file would have brought is not to be reported as missing
		l.check()
	}
	sortProblems(l.problems, l.files)
	if HasErrors(l.problems) {
		return nil, l.problems
	}
	return l.cfg, l.problems
}

func parentOf(key string) string {
	return key[:max(0, strings.LastIndexByte(key, '.'))]
}

// byLine lists the keys of a table in the order of the document.
func byLine(table map[string]any, at place) []string {
	keys := slices.Sorted(maps.Keys(table))
	sort.SliceStable(keys, func(i, j int) bool {
		return at.child(keys[i]).line() < at.child(keys[j]).line()
	})
	return keys
}

var (
	quotedText   = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	tableHeader  = regexp.MustCompile(`^\s*\[+\s*([A-Za-z_.]+)`)
	secretTables = regexp.MustCompile(`^(security|sign_in|credential|plugin\.config|guardrail\.config|deployment\.options)\b`)
)

// syntaxProblem tells where a document is not TOML. The parser's messages quote
// what they stumble on: near secrets the quotations are left out.
func syntaxProblem(file, doc string, err error) Problem {
	p := Problem{File: file, Message: "not valid TOML: " + err.Error()}
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return p
	}
	p.Line = pe.Position.Line
	p.Message = "not valid TOML: " + pe.Message
	table := ""
	for i, line := range strings.Split(doc, "\n") {
		if i >= p.Line {
			break
		}
		if m := tableHeader.FindStringSubmatch(line); m != nil {
			table = m[1]
		}
	}
	if secretTables.MatchString(table) {
		p.Path = table
		p.Message = "not valid TOML: " + quotedText.ReplaceAllString(pe.Message, "…")
	}
	return p
}

// addObject notes that an object stands at at, unless one of its name does already.
func (l *loader) addObject(at place) bool {
	if first, ok := l.objects[at.shown]; ok {
		if at.src.made != nil {
			l.fail(at, "made by API, and defined at %s as well: one of the two must go", first)
			return false
		}
		l.fail(at, "already defined at %s", first)
		return false
	}
	l.objects[at.shown] = at
	return true
}

// has reports whether there is an object of that name, sound or not.
func (l *loader) has(kind, name string) bool {
	_, ok := l.objects[kind+"["+name+"]"]
	return ok
}

// visible lists the objects of a kind that somebody knows of who made something.
func (l *loader) visible(kind string, by *source) (names []string) {
	for _, name := range l.names(kind) {
		if target := l.objects[kind+"["+name+"]"].src; target.owner() == by.owner() || !by.owned() && !target.owned() {
			names = append(names, name)
		}
	}
	return names
}

// names lists the objects of a kind.
func (l *loader) names(kind string) (names []string) {
	for shown := range l.objects {
		if rest, ok := strings.CutPrefix(shown, kind+"["); ok {
			names = append(names, strings.TrimSuffix(rest, "]"))
		}
	}
	sort.Strings(names)
	return names
}

// addCredential reads the free fields of a credential: each is a secret.
func (l *loader) addCredential(c *core.Credential, key string, v value) {
	if o := v.at.src.made; o != nil && o.Locked != "" && v.raw == nil {
		c.Missing = append(c.Missing, key)
		l.missing[c.Name] = append(l.missing[c.Name], missingField{v.at, o.Locked})
		return
	}
	s, ok := v.raw.(string)
	if !ok {
		v.wrongType("a string")
		c.Missing = append(c.Missing, key)
		return
	}
	r, isRef, err := parseReference(s)
	if err != nil {
		v.fail("%v", err)
		c.Missing = append(c.Missing, key)
		return
	}
	if isRef && v.at.src.owned() {
		v.fail("%v", errOwnedReference)
		c.Missing = append(c.Missing, key)
		return
	}
	what := key
	if isRef {
		what = r.String()
		s, err = l.follow(r, v.at.src.dir)
	} else if s == "" {
		err = errors.New("is empty")
	}
	if err != nil {
		c.Missing = append(c.Missing, what)
		l.missing[c.Name] = append(l.missing[c.Name], missingField{v.at, err.Error()})
		return
	}
	if c.Fields == nil {
		c.Fields = map[string]string{}
	}
	c.Fields[key] = s
}
