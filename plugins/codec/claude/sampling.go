package claude

import (
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// leastTopP is the smallest top_p beside thinking.
const leastTopP = 0.95

// Takes reports whether a temperature, top_p or top_k is to be sent. One that the
// family does not take, or not while it thinks, is left out, which is told in
// notices; one that says nothing is left out silently.
func (m *Family) Takes(name string, v []byte, thinks bool, notices *[]string) (bool, *llm.Fault) {
	most, least := 1.0, 1.0 // least beside thinking
	switch name {
	case "top_p":
		least = leastTopP
	case "top_k":
		most, least = 1<<62, 1<<62
	}
	n, ok := scan.Float(v)
	switch {
	case !ok || n < 0:
		return false, llm.Refuse(name, "must be a number and not negative")
	case !m.Sampling:
		if name == "top_k" || n != 1 { // 1 is what happens anyway
			leftOut(notices, name+": this model takes none")
		}
	case name == "top_p" && n == 1:
		// What happens anyway; several models refuse it beside temperature.
	case n > most:
		return false, llm.Refuse(name, "must be between 0 and 1 with Claude")
	case thinks && n < least:
		leftOut(notices, name+": this model does not take it while it thinks")
	default:
		return true, nil
	}
	return false, nil
}
