package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tokligence/gateway/core"
)

// source is one file, or one object made by API.
type source struct {
	name  string             // as shown: "gateway.toml", "conf.d/10-team.toml"
	dir   string             // where its relative paths start
	lines map[string]int     // by index path, see findLines; of an object by API all are 0
	made  *core.ConfigObject // nil for a file
}

// owner is whose the object is that stands there; the zero Place is everybody.
func (s *source) owner() core.Place {
	if s.made == nil {
		return core.Place{}
	}
	return s.made.Owner
}

// owned reports whether the object is not the installation's.
func (s *source) owned() bool { return s.owner() != core.Place{} }

// place is where a key or object stands.
type place struct {
	src   *source
	index string // "deployment[2].weight": how lines are kept
	shown string // "deployment[gpt-main].weight": how people see it
}

func (p place) child(key string) place {
	return place{p.src, join(p.index, key), join(p.shown, key)}
}

func (p place) element(i int) place {
	n := "[" + strconv.Itoa(i) + "]"
	return place{p.src, p.index + n, p.shown + n}
}

// line is the line of the place or of the nearest thing around it; 0 when none is known.
func (p place) line() int {
	for at := p.index; at != ""; {
		if n, ok := p.src.lines[at]; ok {
			return n
		}
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			break
		}
		at = at[:i]
	}
	return 0
}

func (p place) String() string {
	if p.src.made != nil {
		return p.src.name
	}
	return fmt.Sprintf("%s:%d", p.src.name, p.line())
}
