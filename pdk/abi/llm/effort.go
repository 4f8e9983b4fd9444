package llm

import (
	"cmp"
	"slices"
)

// efforts are OpenAI's words for how long to think, least first, with the
// thinking budget in tokens that stands for each.
var efforts = [...]struct {
	name   string
	budget int64
}{
	{"none", 0},
	{"minimal", 1024},
	{"low", 2048},
	{"medium", 8192},
	{"high", 16384},
	{"xhigh", 24576},
	{"max", 32768},
}

// Budget is the thinking budget in tokens for a reasoning_effort; 0 for "none".
// ok is false for a word that OpenAI does not have.
func Budget(effort string) (tokens int64, ok bool) {
	for i := range efforts {
		if efforts[i].name == effort {
			return efforts[i].budget, true
		}
	}
	return 0, false
}

// Effort is the reasoning_effort for a thinking budget: the strongest word whose
// budget is not larger, but at least "minimal" for any budget above zero.
func Effort(budget int64) string {
	if budget > 0 {
		budget = max(budget, efforts[1].budget)
	}
	word := efforts[0].name
	for i := range efforts {
		if efforts[i].budget <= budget {
			word = efforts[i].name
		}
	}
	return word
}

// FitEffort is the word of known, which are some of OpenAI's, that is nearest to
// effort: itself, else the next weaker one that still thinks, else the weakest.
func FitEffort(effort string, known []string) string {
	wanted, _ := Budget(effort)
	weaker, weakest := "", ""
	for i := range efforts {
		word := efforts[i].name
		switch {
		case !slices.Contains(known, word):
			continue
		case word == effort:
			return word
		case word != "none" && efforts[i].budget < wanted:
			weaker = word
		}
		if word != "none" && weakest == "" {
			weakest = word
		}
	}
	return cmp.Or(weaker, weakest)
}
