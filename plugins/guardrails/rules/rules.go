package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// defaultHold is how many characters of a stream wait for what may complete a
// pattern; words need their own length.
const defaultHold = 64

// maxHold is the most that a rule may ask for.
const maxHold = 1024

const schema = `{
  "type": "object",
  "additionalProperties": false,
  "required": ["rules"],
  "properties": {
    "rules": {
      "type": "array", "minItems": 1,
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "oneOf": [{"required": ["words"]}, {"required": ["pattern"]}],
        "properties": {
          "name": {"type": "string", "minLength": 1, "description": "what findings call it"},
          "words": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}, "description": "whole words or phrases, in any case"},
          "pattern": {"type": "string", "minLength": 1, "description": "regular expression (RE2)"},
          "action": {"enum": ["deny", "replace", "report"], "default": "deny"},
          "replacement": {"type": "string", "default": "***", "description": "for replace; $1 is a pattern's first group"},
          "message": {"type": "string", "description": "for deny: what the client is told"},
          "hold": {"type": "integer", "minimum": 0, "maximum": 1024, "description": "characters of a stream to keep back for a match that is still to come"}
        }
      }
    }
  }
}`

// New makes the plugin.
func New() *pdk.Guardrail {
	g := &guardrail{}
	return &pdk.Guardrail{
		Manifest: abi.Manifest{
			ID: "guardrail.rules", Name: "Rules", Version: "1.0.0", Kind: abi.KindGuardrail, ABI: abi.Version,
			Description: "Denies or replaces text by words and regular expressions.", License: "Apache-2.0", Stability: "stable",
			Config:       abi.Raw(schema),
			Capabilities: abi.Capabilities{Stream: true, Rewrite: true, Hold: maxHold},
		},
		Configure: g.configure,
		Inspect:   g.inspect,
	}
}

type guardrail struct {
	rules []rule
	hold  int // the most that any rule needs
}

type rule struct {
	name        string
	pattern     *regexp.Regexp
	deny        bool
	replace     bool
	replacement string
	message     string
}

// ruleConfig is a rule as it is configured. Its types have been checked by the
// manifest's schema.
type ruleConfig struct {
	name, pattern, action, replacement, message string
	words                                       []string
	hold                                        int // -1 is the rule's own
}

func (g *guardrail) configure(config abi.Raw) (problems []abi.Problem) {
	g.rules, g.hold = nil, 0
	scan.Elements(scan.Get(config, "rules"), func(i int, raw []byte) bool {
		c := readRule(raw)
		r, hold, err := compile(c)
		if err != nil {
			problems = append(problems, abi.Problem{Path: "rules[" + strconv.Itoa(i) + "].pattern", Message: err.Error()})
			return true
		}
		g.rules = append(g.rules, r)
		if c.action != "report" {
			g.hold = max(g.hold, hold)
		}
		return true
	})
	return problems
}

func readRule(raw []byte) ruleConfig {
	c := ruleConfig{action: "deny", replacement: "***", hold: -1}
	scan.Members(raw, func(key, v []byte) bool {
		switch string(key) {
		case "name":
			c.name, _ = scan.String(v)
		case "pattern":
			c.pattern, _ = scan.String(v)
		case "action":
			c.action, _ = scan.String(v)
		case "replacement":
			c.replacement, _ = scan.String(v)
		case "message":
			c.message, _ = scan.String(v)
		case "words":
			scan.Elements(v, func(_ int, w []byte) bool {
				c.words = append(c.words, string(scan.Text(w)))
				return true
			})
		case "hold":
			if n, ok := scan.Int(v); ok {
				c.hold = int(n)
			}
		}
		return true
	})
	return c
}

func compile(c ruleConfig) (r rule, hold int, err error) {
	r = rule{name: c.name, deny: c.action == "deny", replace: c.action == "replace", replacement: c.replacement, message: c.message}
	source := c.pattern
	hold = defaultHold
	if len(c.words) > 0 {
		source, hold = wordPattern(c.words)
		r.replacement = strings.ReplaceAll(r.replacement, "$", "$$") // words have no groups
	}
	if c.hold >= 0 {
		hold = c.hold
	}
	r.pattern, err = regexp.Compile(source)
	return r, min(hold, maxHold), err
}

// wordPattern matches any of the words in any case. A word's end counts where
// the word ends in a letter or digit; white space in a phrase matches any.
func wordPattern(words []string) (pattern string, hold int) {
	parts := make([]string, len(words))
	for i, w := range words {
		fields := strings.Fields(w)
		for n, f := range fields {
			fields[n] = regexp.QuoteMeta(f)
		}
		p := strings.Join(fields, `\s+`)
		first, _ := utf8.DecodeRuneInString(w)
		last, _ := utf8.DecodeLastRuneInString(w)
		if wordRune(first) {
			p = `\b` + p
		}
		if wordRune(last) {
			p += `\b`
		}
		parts[i] = p
		// One more than the word: its end shows in the character behind it.
		hold = max(hold, utf8.RuneCountInString(w)+8*(len(fields)-1)+1)
	}
	return `(?i)(?:` + strings.Join(parts, "|") + `)`, hold
}

// wordRune reports whether RE2's \b sees r as part of a word: it knows ASCII only.
func wordRune(r rune) bool {
	return r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// inspect scans groups as one text, as a model reads them.
func (g *guardrail) inspect(r *abi.InspectRequest) (*abi.InspectReply, error) {
	reply := &abi.InspectReply{Verdict: abi.Allow, State: r.State}
	if r.Stage == abi.StageStream && !r.Final {
		reply.Hold = g.hold
	}
	counts := make([]int, len(g.rules))
	for from := 0; from < len(r.Segments); {
		to := from + 1
		for to < len(r.Segments) && r.Segments[to].Group == r.Segments[from].Group && r.Segments[to].Kind == r.Segments[from].Kind {
			to++
		}
		if denied := g.scan(r.Segments[from:to], counts, reply, reply.Hold); denied != nil {
			reply.Verdict, reply.Segments, reply.ClientMessage = abi.Block, nil, denied.message
			break
		}
		from = to
	}
	for i, n := range counts {
		if n > 0 {
			reply.Findings = append(reply.Findings, abi.Finding{Rule: g.rules[i].name, Count: n})
		}
	}
	return reply, nil
}

// scan applies all rules to one group; the first deny ends it. Each replacement
// sees the text that those before it left. With hold > 0 more text is to come.
func (g *guardrail) scan(group []abi.Segment, counts []int, reply *abi.InspectReply, hold int) (denied *rule) {
	j := join(group)
	for i := range g.rules {
		r := &g.rules[i]
		matches := j.matches(r, hold)
		if len(matches) == 0 {
			continue
		}
		counts[i] += len(matches)
		switch {
		case r.deny:
			return r
		case r.replace:
			j.replace(r, matches)
		}
	}
	for i := range j.ends {
		if text := j.part(i); text != group[i].Text {
			reply.Verdict = abi.Rewrite
			reply.Segments = append(reply.Segments, abi.SegmentText{ID: group[i].ID, Text: text})
		}
	}
	return nil
}

// joined is a group's text with the places where its segments end. Its first
// before bytes have been sent already.
type joined struct {
	text   string
	before int
	ends   []int
}

// matches finds a rule's matches, but for those that begin in what has been
// sent and one that the text to come may still undo or lengthen: what is held
// back comes again.
func (j *joined) matches(r *rule, hold int) [][]int {
	all := r.pattern.FindAllStringSubmatchIndex(j.text, -1)
	if len(j.ends) > 1 {
		all = j.withParts(r, all)
	}
	for len(all) > 0 && all[0][0] < j.before {
		all = all[1:]
	}
	if n := len(all) - 1; n >= 0 && all[n][1] == len(j.text) && all[n][1]-all[n][0] < hold {
		all = all[:n]
	}
	return all
}

// withParts adds what matches in a segment by itself: where two meet, the words
// at their edges run together, and still a model may read two.
func (j *joined) withParts(r *rule, all [][]int) [][]int {
	from := j.before
	for i := range j.ends {
		for _, m := range r.pattern.FindAllStringSubmatchIndex(j.part(i), -1) {
			for n := range m {
				if m[n] >= 0 {
					m[n] += from
				}
			}
			if !slices.ContainsFunc(all, func(o []int) bool { return m[0] < o[1] && o[0] < m[1] || m[0] == o[0] }) {
				all = append(all, m)
			}
		}
		from = j.ends[i]
	}
	slices.SortFunc(all, func(a, b []int) int { return a[0] - b[0] })
	return all
}

func join(group []abi.Segment) *joined {
	before := group[0].Before
	if len(group) == 1 {
		return &joined{text: before + group[0].Text, before: len(before), ends: []int{len(before) + len(group[0].Text)}}
	}
	var b strings.Builder
	b.WriteString(before)
	j := &joined{before: len(before)}
	for _, s := range group {
		b.WriteString(s.Text)
		j.ends = append(j.ends, b.Len())
	}
	j.text = b.String()
	return j
}

func (j *joined) part(i int) string {
	from := j.before
	if i > 0 {
		from = j.ends[i-1]
	}
	return j.text[from:j.ends[i]]
}

// replace puts each replacement into the segment where its match begins.
func (j *joined) replace(r *rule, matches [][]int) {
	var out []byte
	ends := make([]int, len(j.ends))
	next, seg := 0, 0
	// endUpTo places the ends of segments that lie at or before pos in the old text.
	endUpTo := func(pos int) {
		for ; seg < len(j.ends) && j.ends[seg] <= pos; seg++ {
			ends[seg] = len(out) + max(j.ends[seg]-next, 0)
		}
	}
	for _, m := range matches {
		endUpTo(m[0])
		out = append(out, j.text[next:m[0]]...)
		out = r.pattern.ExpandString(out, r.replacement, j.text, m)
		next = m[1]
		for ; seg < len(j.ends) && j.ends[seg] < m[1]; seg++ {
			ends[seg] = len(out)
		}
	}
	endUpTo(len(j.text))
	out = append(out, j.text[next:]...)
	j.text, j.ends = string(out), ends
}
