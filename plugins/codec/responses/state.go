package responses

import (
	"strconv"
	"strings"
)

// streamState is what a stream must remember.
type streamState struct {
	begun    bool         // the role has been told
	asked    bool         // a search was asked for
	searches int64        // that were made
	calls    []calledItem // in their order
	text     place        // of the message at hand
	thought  place        // of the reasoning item at hand

	from, pieces int64 // pieces of text before the open part, and so far
}

// place is an item by its output_index, plus one: 0 is none.
type place int64

// calledItem is an item that is a call.
type calledItem struct {
	at    place
	input bool // some of its arguments have come
	whole bool // all of them
}

// searching is the state of a stream whose model may search.
const searching = "a,"

// parseState reads what String wrote: words of a letter and numbers, with a comma after
// each.
func parseState(text string) (s streamState) {
	for text != "" {
		var word string
		word, text, _ = strings.Cut(text, ",")
		if word == "" {
			continue
		}
		n, _ := strconv.ParseInt(word[1:], 10, 64)
		switch word[0] {
		case 'r':
			s.begun = true
		case 'a':
			s.asked = true
		case 's':
			s.searches = n
		case 't':
			s.text = place(n)
		case 'q':
			s.thought = place(n)
		case 'f':
			s.from = n
		case 'p':
			s.pieces = n
		case 'c', 'i', 'w':
			s.calls = append(s.calls, calledItem{place(n), word[0] != 'c', word[0] == 'w'})
		}
	}
	return s
}

func (s *streamState) String() string {
	b := make([]byte, 0, 24)
	for _, flag := range [...]struct {
		letter byte
		on     bool
	}{{'r', s.begun}, {'a', s.asked}} {
		if flag.on {
			b = append(b, flag.letter, ',')
		}
	}
	for _, number := range [...]struct {
		letter byte
		n      int64
	}{{'s', s.searches}, {'t', int64(s.text)}, {'q', int64(s.thought)}, {'f', s.from}, {'p', s.pieces}} {
		if number.n != 0 {
			b = append(strconv.AppendInt(append(b, number.letter), number.n, 10), ',')
		}
	}
	for _, c := range s.calls {
		letter := byte('c')
		if c.whole {
			letter = 'w'
		} else if c.input {
			letter = 'i'
		}
		b = append(strconv.AppendInt(append(b, letter), int64(c.at), 10), ',')
	}
	return string(b)
}

// call is the ordinal of the call at a place, -1 for none.
func (s *streamState) call(at place) int {
	for i := len(s.calls) - 1; i >= 0; i-- {
		if s.calls[i].at == at {
			return i
		}
	}
	return -1
}
