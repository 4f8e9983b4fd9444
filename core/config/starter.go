package config

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed starter.toml
var starter string

// Starter is a commented gateway.toml that works without an account: what
// `tokligence init` writes, and the file at the root of the repository. Its
// descriptions of keys come from the table of fields.
func Starter() string {
	var b strings.Builder
	for line := range strings.Lines(starter) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "#: ")
		if !ok {
			b.WriteString(line)
			continue
		}
		for _, s := range sections {
			if s.Name == name {
				s.writeStarter(&b)
			}
		}
	}
	return b.String()
}

// writeStarter writes a single table with its defaults in force, and of an
// array only what its objects may have.
func (s *Section) writeStarter(b *strings.Builder) {
	if !s.Array {
		fmt.Fprintf(b, "# %s\n[%s]\n", s.Doc, s.Name)
		plain := func(f Field) bool { return f.Nested == nil }
		writeKeys(b, "", filter(s.Fields, plain))
		for _, f := range s.Fields {
			if !plain(f) {
				fmt.Fprintf(b, "#\n# [[%s.%s]] %s\n#\n", s.Name, f.Name, f.Doc)
				writeKeys(b, "#   ", f.Nested)
			}
		}
		return
	}
	fmt.Fprintf(b, "# [[%s]] %s\n#\n", s.Name, s.Doc)
	writeKeys(b, "#   ", s.Fields)
	if s.Open != "" {
		fmt.Fprintf(b, "#   %s\n", s.Open)
	}
	if s.Name == "deployment" {
		b.WriteString("#\n# price = { … } may hold these decimal strings:\n#\n")
		writeKeys(b, "#   ", PriceFields())
	}
}

func filter(fields []Field, keep func(Field) bool) (out []Field) {
	for _, f := range fields {
		if keep(f) {
			out = append(out, f)
		}
	}
	return out
}

// writeKeys lists keys with defaults and words, in columns.
func writeKeys(b *strings.Builder, prefix string, fields []Field) {
	width := 0
	for _, f := range fields {
		width = max(width, len(f.line()))
	}
	for _, f := range fields {
		doc := f.Doc
		if f.Required {
			doc += " (required)"
		}
		fmt.Fprintf(b, "%s%-*s  # %s\n", prefix, width, f.line(), doc)
	}
}

// line is the key with its default, or with what it takes.
func (f *Field) line() string {
	switch {
	case f.Default != "":
		return f.Name + " = " + f.Default
	case f.Type == "table":
		return f.Name + " = { … }"
	case f.Type == "list of strings":
		return f.Name + " = […]"
	case f.Type == "list of tables":
		return f.Name + " = [{ … }]"
	}
	return f.Name + ` = "…"`
}

// Reference is the description of every key in Markdown.
func Reference() string {
	var b strings.Builder
	for _, s := range Sections() {
		head := "[" + s.Name + "]"
		if s.Array {
			head = "[" + head + "]"
		}
		fmt.Fprintf(&b, "## `%s`\n\n%s\n\n", head, s.Doc)
		writeTable(&b, s.Fields)
		for _, f := range s.Fields {
			if f.Nested != nil {
				fmt.Fprintf(&b, "### `[[%s.%s]]`\n\n%s\n\n", s.Name, f.Name, f.Doc)
				writeTable(&b, f.Nested)
			}
		}
		if s.Open != "" {
			fmt.Fprintf(&b, "%s.\n\n", strings.ToUpper(s.Open[:1])+s.Open[1:])
		}
		if s.Name == "deployment" {
			b.WriteString("### `price`\n\nDecimal strings in US dollars. Of a part that has no price of its own: a cache read or write costs as input, audio and image tokens as text.\n\n")
			writeTable(&b, PriceFields())
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func writeTable(b *strings.Builder, fields []Field) {
	b.WriteString("| key | type | default | |\n|---|---|---|---|\n")
	for _, f := range fields {
		def := "`" + f.Default + "`"
		switch {
		case f.Required:
			def = "required"
		case f.Default == "":
			def = ""
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, def, f.Doc)
	}
	b.WriteString("\n")
}
