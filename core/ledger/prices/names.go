package prices

import (
	"regexp"
	"strings"
)

// canonical is the spelling by which names are compared: lower case, and a dot
// between digits is a dash (claude-x-1.0 is claude-x-1-0).
func canonical(model string) string {
	model = strings.ToLower(model)
	b := []byte(model)
	for i := 1; i+1 < len(b); i++ {
		if b[i] == '.' && digit(b[i-1]) && digit(b[i+1]) {
			b[i] = '-'
		}
	}
	return string(b)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

var (
	// dateSuffix is a release date at the end, or before Bedrock's version:
	// gpt-q-2026-01-01, claude-x-20260101, claude-x@20260101, anthropic.claude-x-20260101-v1:0.
	dateSuffix = regexp.MustCompile(`[-@](20\d\d-\d\d-\d\d|20\d{6})($|-v\d+(:\d+)*$)`)
	// bedrockVersion is Bedrock's version, with or without a context size: -v1:0, :0, -v2:0:200k.
	bedrockVersion = regexp.MustCompile(`(-v\d+(:\d+[km]?)*|:\d+[km]?)$`)
	// bedrockContext is the context size alone: …-v2:0:200k.
	bedrockContext = regexp.MustCompile(`:(\d+k|mm|1m)$`)
	// bedrockRegion is the geography of an inference profile. GovCloud is not
	// among them: its prices are its own.
	bedrockRegion = regexp.MustCompile(`^(us|eu|apac|jp|au|ca|in|global)\.`)
	fineTuned     = regexp.MustCompile(`^(ft:[^:]+):.*`)
	// auraVoice is a voice and its language, which Deepgram's speech models are named by: aura-2-thalia-en.
	auraVoice = regexp.MustCompile(`^(aura(-\d+)?)-[a-z]+-[a-z]{2}$`)
)

// variants are the canonical names to look under, most exact first:
//
//   - the name itself;
//   - without "models/" (Gemini), "publishers/…/models/" or the ARN before it;
//     a fine-tuned model as "ft:" and its base; a voice of Deepgram as its model; without
//     OpenRouter's ":online";
//   - for Bedrock, without the geography of an inference profile, and without the version;
//   - each of these without a release date.
func variants(provider, model string) []string {
	list := make([]string, 0, 8)
	add := func(s string) {
		for _, have := range list {
			if have == s {
				return
			}
		}
		list = append(list, s)
	}
	m := canonical(model)
	add(m)
	if i := strings.LastIndexByte(m, '/'); i >= 0 && pathPrefix(provider, m[:i+1]) {
		m = m[i+1:]
		add(m)
	}
	switch provider {
	case "provider.openai", "provider.azure":
		add(fineTuned.ReplaceAllString(m, "$1"))
	case "provider.openrouter": // a model that searches, whose searches are a part of usage
		add(strings.TrimSuffix(m, ":online"))
	case "provider.deepgram":
		add(auraVoice.ReplaceAllString(m, "$1"))
	}
	if provider == "provider.bedrock" {
		m = bedrockContext.ReplaceAllString(m, "")
		add(m)
		plain := bedrockRegion.ReplaceAllString(m, "")
		add(plain)
		add(bedrockVersion.ReplaceAllString(m, ""))
		add(bedrockVersion.ReplaceAllString(plain, ""))
	}
	for _, s := range list[:len(list):len(list)] {
		undated := dateSuffix.ReplaceAllString(s, "$2")
		add(undated)
		if provider == "provider.bedrock" {
			add(bedrockVersion.ReplaceAllString(undated, ""))
		}
	}
	return list
}

// pathPrefix tells which paths before a model's name say nothing about its price.
func pathPrefix(provider, path string) bool {
	switch provider {
	case "provider.gemini", "provider.vertex":
		return path == "models/" || strings.HasSuffix(path, "/models/")
	case "provider.bedrock":
		return strings.HasPrefix(path, "arn:aws:bedrock:") &&
			(strings.HasSuffix(path, ":foundation-model/") || strings.HasSuffix(path, ":inference-profile/"))
	}
	return false
}
