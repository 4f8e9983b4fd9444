package llm

import "testing"

func TestSealed(t *testing.T) {
	for raw, want := range map[string]bool{`"data:openai.reasoning;base64,AA"`: true, `"data"`: false, `"EqAB"`: false, `""`: false, ``: false, `5`: false} {
		if got := Sealed([]byte(raw)); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
}
