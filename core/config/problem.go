package config

import (
	"fmt"
	"sort"
	"strings"

	"github.com/tokligence/gateway/core"
)

// Problem is one fault of a configuration, at the place where it can be mended.
// Its text never quotes a value that may be a secret.
type Problem struct {
	Path    string `json:"path"` // "deployment[gpt-main].weight"; "" for a whole file
	File    string `json:"file"`
	Line    int    `json:"line"` // 1-based; 0 when no line is at fault
	Message string `json:"message"`
	// Warning marks what does not stop the gateway: an unset credential, an
	// object that nothing uses.
	Warning bool `json:"warning"`
}

// String gives "gateway.toml:12: deployment[gpt].weight: must not be negative".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Warning {
		b.WriteString("warning: ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return core.MaskSecrets(b.String()) // a name or a path may be a key in the wrong place
}

// HasErrors reports whether any of the problems stops the gateway.
func HasErrors(ps []Problem) bool {
	for _, p := range ps {
		if !p.Warning {
			return true
		}
	}
	return false
}

// sortProblems brings problems into the order of the files.
func sortProblems(ps []Problem, files []*source) {
	order := make(map[string]int, len(files))
	for i, f := range files {
		order[f.name] = i
	}
	sort.SliceStable(ps, func(i, j int) bool {
		if a, b := order[ps[i].File], order[ps[j].File]; a != b {
			return a < b
		}
		if ps[i].Line != ps[j].Line {
			return ps[i].Line < ps[j].Line
		}
		if ps[i].Path != ps[j].Path {
			return ps[i].Path < ps[j].Path
		}
		return ps[i].Message < ps[j].Message
	})
}

// nearest returns the name closest to word, or "" when none is close enough to
// be what was meant.
func nearest(word string, names []string) string {
	best, limit := "", 1+len(word)/3
	for _, n := range names {
		if d := distance(word, n); d < len(word) && d <= limit && (best == "" || d < distance(word, best)) {
			best = n
		}
	}
	return best
}

// didYouMean is the end of a message about an unknown name.
func didYouMean(word string, names []string) string {
	if n := nearest(word, names); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

// distance counts the edits (insert, delete, replace, swap neighbours) from a to b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 20 // no name of ours is that long
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
