package config

import (
	"strconv"
	"strings"
)

// findLines tells on which line each key and table of a TOML document stands.
// Paths are "server.listen", "deployment[2].weight", "model[0].deployments[1]".
//
// The TOML library keeps positions to itself and forgets them for all but the
// last table of an array. The document has passed its parser before, so this
// only needs to tell keys from values; on anything else it finds fewer lines.
func findLines(doc string) map[string]int {
	f := &lineFinder{s: doc, line: 1, lines: map[string]int{}, tables: map[string]int{}}
	table := ""
	for {
		f.space(true)
		switch f.peek() {
		case 0:
			return f.lines
		case '[':
			table = f.header()
		default:
			if !f.pair(table) {
				return f.lines
			}
		}
	}
}

type lineFinder struct {
	s      string
	i      int
	line   int
	lines  map[string]int
	tables map[string]int // arrays of tables: how many so far
}

func (f *lineFinder) peek() byte {
	if f.i < len(f.s) {
		return f.s[f.i]
	}
	return 0
}

// skip goes n bytes on and counts the lines it passes.
func (f *lineFinder) skip(n int) {
	n = min(n, len(f.s)-f.i)
	f.line += strings.Count(f.s[f.i:f.i+n], "\n")
	f.i += n
}

// space skips blanks, and with lines also line ends and comments.
func (f *lineFinder) space(lines bool) {
	for f.i < len(f.s) {
		switch c := f.s[f.i]; {
		case c == ' ' || c == '\t':
			f.i++
		case lines && (c == '\n' || c == '\r'):
			f.skip(1)
		case lines && c == '#':
			f.skip(strings.IndexByte(f.s[f.i:]+"\n", '\n'))
		default:
			return
		}
	}
}

// mark notes where path stands, unless that is known.
func (f *lineFinder) mark(path string) {
	if _, ok := f.lines[path]; !ok {
		f.lines[path] = f.line
	}
}

// header reads [a.b] or [[a.b]] and returns the path of the table.
func (f *lineFinder) header() string {
	f.i++
	array := f.peek() == '['
	if array {
		f.i++
	}
	path := ""
	keys := f.keys()
	for n, k := range keys {
		path = join(path, k)
		if array && n == len(keys)-1 {
			f.tables[path]++
		}
		if count := f.tables[path]; count > 0 {
			f.mark(path)
			path += "[" + strconv.Itoa(count-1) + "]"
		}
		f.mark(path)
	}
	for f.peek() == ']' {
		f.i++
	}
	return path
}

// pair reads key = value below table; false when there is none.
func (f *lineFinder) pair(table string) bool {
	keys := f.keys()
	if len(keys) == 0 || f.peek() != '=' {
		return false
	}
	f.i++
	path := table
	for _, k := range keys {
		path = join(path, k)
		f.mark(path)
	}
	f.space(false)
	f.value(path)
	return true
}

// keys reads a dotted key and the blanks after it.
func (f *lineFinder) keys() (keys []string) {
	for {
		f.space(false)
		start := f.i
		switch c := f.peek(); c {
		case '"', '\'':
			f.quoted(c)
			k := f.s[start+1 : max(start+1, f.i-1)]
			if u, err := strconv.Unquote(f.s[start:f.i]); c == '"' && err == nil {
				k = u
			}
			keys = append(keys, k)
		default:
			for f.i < len(f.s) && !strings.ContainsRune(" \t\r\n.=[]{}#,\"'", rune(f.s[f.i])) {
				f.i++
			}
			if f.i == start {
				return keys
			}
			keys = append(keys, f.s[start:f.i])
		}
		f.space(false)
		if f.peek() != '.' {
			return keys
		}
		f.i++
	}
}

// value skips a value and marks the keys in it.
func (f *lineFinder) value(path string) {
	switch c := f.peek(); c {
	case '"', '\'':
		f.quoted(c)
	case '[':
		f.i++
		for n := 0; ; {
			f.space(true)
			switch f.peek() {
			case 0:
				return
			case ']':
				f.i++
				return
			case ',':
				f.i++
				n++
			default:
				element := path + "[" + strconv.Itoa(n) + "]"
				f.mark(element)
				before := f.i
				if f.value(element); f.i == before {
					f.i++
				}
			}
		}
	case '{':
		f.i++
		for {
			f.space(true)
			switch f.peek() {
			case 0:
				return
			case '}':
				f.i++
				return
			case ',':
				f.i++
			default:
				if !f.pair(path) {
					f.i++
				}
			}
		}
	default:
		for f.i < len(f.s) && !strings.ContainsRune(",]}#\r\n", rune(f.s[f.i])) {
			f.i++
		}
	}
}

// quoted skips a string of any of the four sorts.
func (f *lineFinder) quoted(quote byte) {
	q := string(quote)
	if strings.HasPrefix(f.s[f.i:], q+q+q) {
		f.i += 3
		for f.i < len(f.s) && !strings.HasPrefix(f.s[f.i:], q+q+q) {
			f.unit(quote)
		}
		f.skip(3)
		for n := 0; n < 2 && f.peek() == quote; n++ { // quotes that belong to the text
			f.i++
		}
		return
	}
	f.i++
	for f.i < len(f.s) && f.s[f.i] != quote && f.s[f.i] != '\n' {
		f.unit(quote)
	}
	f.skip(1)
}

// unit skips one byte of a string, or an escape.
func (f *lineFinder) unit(quote byte) {
	if quote == '"' && f.s[f.i] == '\\' {
		f.skip(1)
	}
	f.skip(1)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
