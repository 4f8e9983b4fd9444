package exchange

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// usageSum is a usage path of more than plain names: terms that are added up, each
// perhaps over the elements of arrays.
type usageSum []usageTerm

type usageTerm struct {
	steps []usageStep
	minus bool
}

// usageStep is one name of a path. With each, the value is an array of which those
// elements count whose member is text; "" as the member takes all.
type usageStep struct {
	name         string
	each         bool
	member, text string
}

// splitUsage tells plain paths from sums.
func splitUsage(paths []string) (plain [][]string, sums []usageSum) {
	for _, p := range paths {
		if strings.ContainsAny(p, "[ ") {
			sums = append(sums, parseSum(p))
		} else {
			plain = append(plain, strings.Split(p, "."))
		}
	}
	return plain, sums
}

func parseSum(path string) (sum usageSum) {
	minus := false
	for _, word := range strings.Fields(path) {
		switch word {
		case "+", "-":
			minus = word == "-"
			continue
		}
		t := usageTerm{minus: minus}
		for _, name := range strings.Split(word, ".") {
			s := usageStep{name: name}
			if name, selector, ok := strings.Cut(name, "["); ok {
				s.name, s.each = name, true
				s.member, s.text, _ = strings.Cut(strings.TrimSuffix(selector, "]"), "=")
			}
			t.steps = append(t.steps, s)
		}
		sum = append(sum, t)
	}
	return sum
}

// read is the sum, 0 at the least; ok is false when none of its numbers is there.
func (s usageSum) read(doc []byte, leaf func([]byte) (int64, bool)) (n int64, ok bool) {
	for _, t := range s {
		m, found := readSteps(doc, t.steps, leaf)
		if t.minus {
			m = -m
		}
		n, ok = n+m, ok || found
	}
	return max(n, 0), ok
}

// picture counts a text as one: a picture in base64.
func picture(v []byte) (int64, bool) {
	if scan.Kind(v) == '"' && len(v) > 2 {
		return 1, true
	}
	return scan.Int(v)
}

func readSteps(doc []byte, steps []usageStep, leaf func([]byte) (int64, bool)) (n int64, ok bool) {
	if len(steps) == 0 {
		n, ok = leaf(doc)
		return min(max(n, 0), maxCount), ok
	}
	s := steps[0]
	v := scan.Get(doc, s.name)
	if v == nil || !s.each {
		if v == nil {
			return 0, false
		}
		return readSteps(v, steps[1:], leaf)
	}
	scan.Elements(v, func(_ int, e []byte) bool {
		if s.member == "" || scan.GetString(e, s.member) == s.text {
			m, found := readSteps(e, steps[1:], leaf)
			n, ok = n+m, ok || found
		}
		return true
	})
	return n, ok
}
