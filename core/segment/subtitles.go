package segment

import (
	"bytes"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
)

// Text finds the text of an answer that is not JSON: of subtitles (SRT, WebVTT)
// that of each cue, and all of anything else.
// https://www.w3.org/TR/webvtt1/
func Text(body []byte) []Found {
	w := walker{body: body, role: "assistant"}
	w.turn()
	if !bytes.Contains(body, []byte("-->")) {
		w.plain(0, len(body))
		return w.found
	}
	from := -1 // of the text that is being gone through
	for at := 0; at < len(body); {
		end := lineEnd(body, at)
		switch line := body[at:end]; {
		case len(bytes.TrimSpace(line)) == 0 || isTiming(line) || isNumber(line) && isTiming(body[min(end+1, len(body)):lineEnd(body, end+1)]):
			if from >= 0 {
				w.plain(from, at)
			}
			from = -1
		case from < 0:
			from = at
		}
		at = end + 1
	}
	if from >= 0 {
		w.plain(from, len(body))
	}
	return w.found
}

// plain takes what stands between two places of a text.
func (w *walker) plain(from, to int) {
	for to > from && (w.body[to-1] == '\n' || w.body[to-1] == '\r') {
		to--
	}
	if to > from {
		f := w.add(w.body[from:to], KindText, string(w.body[from:to]))
		f.Raw = true
	}
}

// lineEnd is where the line ends that begins at from.
func lineEnd(body []byte, from int) int {
	if from < len(body) {
		if i := bytes.IndexByte(body[from:], '\n'); i >= 0 {
			return from + i
		}
	}
	return len(body)
}

// isNumber reports whether a line can be that of a cue of SRT: its time follows.
func isNumber(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 0 && len(bytes.Trim(line, "0123456789")) == 0
}

// isTiming reports whether a line says when a cue is shown, and nothing that a
// reader would see: two times, and in WebVTT settings behind them.
func isTiming(line []byte) bool {
	from, to, ok := bytes.Cut(bytes.TrimSpace(line), []byte("-->"))
	to, rest, _ := bytes.Cut(bytes.TrimSpace(to), []byte(" "))
	if !ok || !isTime(bytes.TrimSpace(from)) || !isTime(to) {
		return false
	}
	for _, setting := range bytes.Fields(rest) {
		name, _, _ := strings.Cut(string(setting), ":")
		switch name {
		case "vertical", "line", "position", "size", "align":
		default:
			return false
		}
	}
	return true
}

func isTime(s []byte) bool { return len(s) > 0 && len(bytes.Trim(s, "0123456789:.,")) == 0 }

// cueText is what a cue may be rewritten to: an empty line or an arrow would end it.
func cueText(subtitles []byte, text string) string {
	if !bytes.Contains(subtitles, []byte("-->")) {
		return text
	}
	text = strings.ReplaceAll(text, "-->", "->")
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// appendRaw writes a text into one that is not JSON.
func (f *Found) appendRaw(dst, body []byte, t *abi.SegmentText) []byte {
	return append(dst, cueText(body, t.Text)...)
}
