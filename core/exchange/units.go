package exchange

import (
	"unicode/utf8"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/sound"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Speech is sold by the character or the second as well as by tokens, pictures by
// the piece, rankings by the search. The gateway counts what it can count, so that
// a price of either kind is enough, and an answer that tells nothing has its price
// all the same.

// heardPerSecond is what a recording comes to in tokens: OpenAI's models have about 17
// for a second and Gemini's 32. https://ai.google.dev/gemini-api/docs/audio
const heardPerSecond = 32

// askedTokens are those of the words by which a model of language is asked to listen.
const askedTokens = 64

// unit is the part of usage that a model may be priced by in the place of tokens; 0 for none.
func (r *run) unit() int {
	if r.vendor.own() && r.vendor.route.Pictures {
		return partImages
	}
	return traits[r.req.Endpoint].unit
}

// measure counts the units of a request: the characters to be spoken, or the time
// of what is to be heard.
func (r *run) measure() {
	f := &r.facts
	if r.vendor.own() && r.vendor.route.Ranks {
		f.inputTokens += rereadTokens(r.body)
	}
	switch r.unit() {
	case partCharacters:
		text, _ := scan.String(r.body.Get("input"))
		f.characters = int64(utf8.RuneCountInString(text))
		f.spokenUsual, f.spokenMost = utterance(text)
	case partMilliseconds:
		n, _ := scan.GetInt(r.body.Get("file"), "$file")
		if file := r.form.File(int(n)); file != nil {
			d, _ := sound.Duration(file.Bytes)
			f.milliseconds = max(d.Milliseconds(), 1)
		}
		f.inputTokens += f.milliseconds * heardPerSecond / 1000
		f.heard = true
	case partSearches:
		f.searches = searches(r.body)
		f.inputTokens += rereadTokens(r.body)
	case partImages:
		f.pictureTokens = pictureTokens(r.body)
		if r.form != nil { // what is drawn upon counts as in other requests
			f.inputTokens += int64(len(r.form.Files)) * mediaTokens
		}
	}
}

// counted is a usage with what the gateway has counted itself of an exchange whose
// vendor did not tell. Tokens that nobody counted stand in it only where they are
// what the model is priced by.
func (r *run) counted(u core.Usage) core.Usage {
	unit := r.unit()
	if unit == 0 {
		return u
	}
	source := core.UsageReported
	if !r.tally.known[unit] {
		r.addUnits(&u)
		if unit != partCharacters && unit != partImages {
			source = core.UsageEstimated // what the file says of itself, or its size; the most that a ranking comes to
		}
	}
	if r.tally.known[partInput] || r.tally.known[partOutput] {
		return u
	}
	u.Input, u.Output, u.InputSource, u.OutputSource = 0, 0, source, core.UsageReported
	p := r.target.Price
	switch {
	case p == nil || !hasTokens(&p.Rates) || rate(&p.Rates, unit) != nil:
		return u
	case unit == partImages && p.Rates.ImageOutput == nil: // the price of words is none of pictures
		return u
	}
	u.InputSource, u.OutputSource = core.UsageEstimated, core.UsageEstimated
	switch unit {
	case partCharacters:
		u.Input, u.AudioOutput = r.facts.inputTokens, r.facts.spokenUsual
	case partMilliseconds:
		u.AudioInput, u.Output = r.facts.inputTokens, max(r.outTokens, 1)
	case partSearches:
		u.Input = r.facts.inputTokens
	case partImages:
		u.Input, u.ImageOutput = r.facts.inputTokens, u.Images*r.facts.pictureTokens
	}
	return u
}

// addUnits counts the units of the exchange so far.
func (r *run) addUnits(u *core.Usage) {
	u.Characters, u.Milliseconds, u.Searches = r.facts.characters, r.facts.milliseconds, r.facts.searches
	if r.unit() != partImages {
		return
	}
	if u.Images = r.pictures; !r.whole { // its vendor has made all of them, or is about to
		u.Images = r.facts.choices
	}
}

// worstUnits adds the units to the worst case, and the tokens that they come to.
func (r *run) worstUnits(u *core.Usage) {
	r.addUnits(u)
	switch r.unit() {
	case partCharacters:
		u.AudioOutput = r.ownCap()
	case partMilliseconds:
		u.Input, u.Output = u.Input+askedTokens, r.ownCap()
	case partImages:
		drawn := r.drawnUpon()
		u.Input, u.ImageInput = max(u.Input-drawn*mediaTokens, 0), drawn*drawnTokens
		u.ImageOutput = r.ownCap()
		u.Images += drawn // xAI bills what is drawn upon like what is made
	}
}

// unitsOf is u without its tokens.
func unitsOf(u core.Usage) core.Usage {
	return core.Usage{Images: u.Images, Milliseconds: u.Milliseconds, Characters: u.Characters, Searches: u.Searches}
}

// amountOf prices a usage that has units beside tokens: by tokens where they are
// reported and have a price, else by the unit.
func amountOf(p *core.Price, u core.Usage, unit int) (core.Nano, bool) {
	if unit == 0 {
		return p.Amount(u)
	}
	if u.InputTokens()+u.OutputTokens() > 0 && hasTokens(&p.Rates) {
		tokens := u
		tokens.Images, tokens.Milliseconds, tokens.Characters, tokens.Searches = 0, 0, 0, 0
		if n, ok := p.Amount(tokens); ok || rate(&p.Rates, unit) == nil {
			return n, ok
		}
	}
	if rate(&p.Rates, unit) != nil {
		u = unitsOf(u)
	}
	return p.Amount(u)
}

// dearestOf prices a worst case by tokens and by the unit, and takes what is more.
func dearestOf(p *core.Price, u core.Usage, unit int) (core.Nano, bool) {
	n, ok := amountOf(p, u, unit)
	if unit == 0 {
		return n, ok
	}
	m, also := p.Amount(unitsOf(u))
	return max(n, m), ok || also
}

func hasTokens(r *core.Rates) bool {
	return r.Input != nil || r.Output != nil || r.AudioInput != nil || r.AudioOutput != nil || r.ImageInput != nil || r.ImageOutput != nil
}

func rate(r *core.Rates, unit int) *core.Rate {
	switch unit {
	case partCharacters:
		return r.Character
	case partImages:
		return r.Image
	case partSearches:
		return r.Search
	}
	return r.Second
}

// tokensUsed is what an exchange takes of a limit of tokens: where its usage has
// none, what it was admitted with.
func (r *run) tokensUsed(u core.Usage) int64 {
	n := u.InputTokens() + u.OutputTokens()
	if n == 0 && r.billed() && r.unit() != 0 {
		n = r.facts.tokens()
	}
	return n
}
