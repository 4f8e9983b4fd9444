package gemini

import "strings"

// What a model can beside chat goes by its name. Sources: the lists of models of
// https://ai.google.dev/gemini-api/docs/models and of Vertex AI.

func nameOf(model string) string { return model[strings.LastIndexByte(model, '/')+1:] }

// isImagen are the models that draw by predict and do nothing else.
func isImagen(model string) bool { return strings.HasPrefix(nameOf(model), "imagen-") }

// draws reports whether the model's answers may be pictures.
func draws(model string) bool {
	name := nameOf(model)
	return isImagen(name) || strings.Contains(name, "-image") || strings.Contains(name, "banana")
}

// speaks reports whether the model makes speech of text, and nothing else.
func speaks(model string) bool { return strings.Contains(nameOf(model), "-tts") }

// hears reports whether the model takes recordings and answers in words.
func hears(model string) bool {
	name := nameOf(model)
	return strings.HasPrefix(name, "gemini-") && !draws(name) && !speaks(name) && !strings.Contains(name, "embedding")
}
