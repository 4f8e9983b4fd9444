package claude

import "testing"

func TestFamilyOf(t *testing.T) {
	for model, want := range map[string]Family{
		"claude-opus-4-20250514":                    {"opus-4", 32000, Budget, false, true, false, true},
		"claude-opus-4-1-20250805":                  {"opus-4-1", 32000, Budget, false, true, true, true},
		"claude-sonnet-4-5":                         {"sonnet-4-5", 64000, Budget, false, true, true, true},
		"claude-3-7-sonnet-latest":                  {"3-7-sonnet", 64000, Budget, false, true, false, true},
		"claude-3-haiku-20240307":                   {"3-", 4096, Never, false, true, false, false},
		"anthropic/claude-opus-5-5":                 {"opus-5-5", 128000, Always, true, false, true, true},
		"us.anthropic.claude-opus-4-6-v1":           {"opus-4-6", 128000, Adaptive, false, true, true, true},
		"arn:aws:bedrock:x:f/anthropic.claude-v2:1": {"v2", 4096, Never, false, true, false, false},
		"anthropic.claude-sonnet-4-20250514-v1:0":   {"sonnet-4", 64000, Budget, false, true, false, true},
		"claude-something-new":                      {"", 128000, ByDefault, true, false, true, true},
	} {
		if got := FamilyOf(model); got == nil || *got != want {
			t.Errorf("%s: %+v, want %+v", model, got, want)
		}
	}
	if got := FamilyOf("accounts/x/models/not-a-model"); got != nil {
		t.Errorf("not Claude: %+v", got)
	}
}
