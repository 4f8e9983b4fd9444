package exchange

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Where no client caps an output, what it is made of bounds it: the length of a
// recording or of a text, the size of a picture. So much is held, and a vendor that
// could go on, because a model of language answers, is told so.
// RATIONALE.md, "What bounds an output that has no cap?"

// What a transcript comes to, in tokens. The fastest speakers say some eleven syllables a
// second, and few tokens are shorter than one. A model may think before it writes.
const (
	writtenPerSecond = 16
	writtenFirst     = 1024
	mostWritten      = 65536 // no model writes more
)

// What speech comes to, in tokens: Google's have 25 for a second, OpenAI's 21. 14 letters
// are said in a second, 4 characters of Chinese; a digit or a mark may be a word.
// https://ai.google.dev/gemini-api/docs/pricing
const (
	spokenPerLetter  = 2
	spokenPerSign    = 6 // a character of three bytes or more
	slowestPerLetter = 6
	slowestPerSign   = 12
	spokenFirst      = 256   // ten seconds of pauses
	mostSpoken       = 16384 // no model says more
)

// utterance is what a text comes to in tokens of sound: as people speak, and at most.
func utterance(text string) (usual, most int64) {
	for _, c := range text {
		switch n := utf8.RuneLen(c); {
		case n > 2:
			usual, most = usual+spokenPerSign, most+slowestPerSign
		case c < 'A' && c != ' ':
			usual, most = usual+spokenPerLetter, most+slowestPerSign
		default:
			usual, most = usual+spokenPerLetter, most+slowestPerLetter
		}
	}
	return usual, min(spokenFirst+most, mostSpoken)
}

// ownCap is the most output tokens of an answer that is as long as what it is made of; 0 for
// others.
func (r *run) ownCap() int64 {
	switch r.unit() {
	case partCharacters:
		return r.facts.spokenMost
	case partMilliseconds:
		return min(writtenFirst+r.facts.milliseconds*writtenPerSecond/1000, mostWritten)
	case partImages:
		return r.facts.made * r.facts.pictureTokens
	}
	return 0
}

// A picture that is drawn upon, in high fidelity.
// https://platform.openai.com/docs/guides/image-generation#cost-and-latency
const drawnTokens = 7000

// A picture of one of the usual sizes, in high quality, and what a larger one is measured by.
// https://developers.openai.com/api/docs/guides/image-generation#size-and-quality-options
const (
	usualPicture  = 7030
	patchesAlong  = 96 // the longer side
	mostSide      = 3840
	mostPixels    = 3840 * 2160
	partialTokens = 100 // for each time that it is shown half done
)

// pictureTokens is the most that one picture of those that a body asks for comes to. How
// good it shall be is no bound: not every vendor heeds that.
func pictureTokens(body scan.Object) int64 {
	size, _ := scan.String(body.Get("size"))
	tokens := max(usualPicture, patches(size))
	if scan.Is(body.Get("output_format"), "gif") { // its pictures stand on one sheet
		tokens = patches("3840x3840")
	}
	if n, ok := scan.Int(body.Get("partial_images")); ok && n > 0 {
		tokens += min(n, 100) * partialTokens
	}
	return tokens
}

// patches are the tokens of a picture of that size ("1536x1024"), 0 where none is said.
func patches(size string) int64 {
	w, h, _ := strings.Cut(size, "x")
	width, err := strconv.ParseInt(w, 10, 64)
	height, also := strconv.ParseInt(h, 10, 64)
	if err != nil || also != nil || width < 1 || height < 1 {
		return 0
	}
	long, short := min(max(width, height), mostSide), min(width, height, mostSide)
	across := (2*patchesAlong*short + long) / (2 * long)
	return patchesAlong*across*(2_000_000+min(long*short, mostPixels))/4_000_000 + 1
}

// pictures looks for what has pictures cost more than their size says: a quality whose
// tokens nobody publishes, or a model that draws them anew in lines.
func (f *finder) pictures(body scan.Object) {
	switch quality, _ := scan.String(body.Get("quality")); quality {
	case "xhigh", "max":
		f.list = append(f.list, hosted{param: "quality", drop: "quality", boundless: true})
	}
	if scan.Is(body.Get("output_format"), "svg") {
		f.list = append(f.list, hosted{param: "output_format", drop: "output_format"})
	}
}

// drawnUpon counts the pictures that are drawn upon.
func (r *run) drawnUpon() int64 {
	if r.form != nil {
		return int64(len(r.form.Files))
	}
	return int64(scan.Len(r.body.Get("images")))
}
