package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// ownOptions are those that every profile has.
var ownOptions = [...]string{"include_usage", "output_cap", "reasoning_history", "responses", "chat_over", "realtime", "voices"}

// options are [deployment.options]: those of the plugin, and as text those that
// the profile declares.
type options struct {
	includeUsage *bool
	responses    *bool
	realtime     *bool
	outputCap    string
	history      string
	voices       []byte // an object of the vendor's names by those that clients use
	texts        map[string]string
}

func refuse(name, message string) error {
	return &abi.Error{Code: abi.InvalidRequest, Message: name + " " + message, Param: name}
}

// readOptions reads a deployment's options, with the profile's defaults.
func readOptions(raw, profile []byte) (o options, err error) {
	declared := scan.Get(profile, "options")
	o.texts = map[string]string{}
	scan.Members(declared, func(k, v []byte) bool {
		if s, ok := scan.String(scan.Get(v, "default")); ok {
			o.texts[string(k)] = s
		}
		return true
	})
	scan.Members(raw, func(k, v []byte) bool {
		key := string(k)
		name, text := "options."+key, scan.GetString(v)
		switch {
		case key == "include_usage":
			b, ok := scan.Bool(v)
			if o.includeUsage = &b; !ok {
				err = refuse(name, "must be true or false")
			}
		case key == "responses":
			b, ok := scan.Bool(v)
			if o.responses = &b; !ok {
				err = refuse(name, "must be true or false")
			}
		case key == "realtime":
			b, ok := scan.Bool(v)
			if o.realtime = &b; !ok {
				err = refuse(name, "must be true or false")
			}
		case key == "output_cap":
			if o.outputCap = text; text == "" {
				err = refuse(name, "must be the name of a member")
			}
		case key == "reasoning_history":
			if o.history = text; !isHistory(text) {
				err = refuse(name, "must be keep, remove, parts or rename:NAME")
			}
		case key == chatOver:
			if text != "responses" {
				err = refuse(name, "must be responses")
			}
		case key == "voices":
			o.voices, err = v, checkVoices(v)
		case scan.Get(declared, key) == nil:
			err = refuse(name, "is unknown; known are "+strings.Join(optionNames(declared), ", "))
		default:
			if o.texts[key] = text; !isFieldText(text) {
				err = refuse(name, "must be a text of printable characters")
			}
		}
		return err == nil
	})
	return o, err
}

func checkVoices(voices []byte) (err error) {
	if scan.Kind(voices) != '{' {
		return refuse("options.voices", "must be an object of voices by name")
	}
	scan.Members(voices, func(k, v []byte) bool {
		if text, ok := scan.String(v); !ok || text == "" {
			err = refuse("options.voices."+string(k), "must be the name of a voice")
		}
		return err == nil
	})
	return err
}

func optionNames(declared []byte) (names []string) {
	names = append(names, ownOptions[:]...)
	scan.Members(declared, func(k, _ []byte) bool {
		names = append(names, string(k))
		return true
	})
	return names
}

// lower is s in small letters, ASCII's alone.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | ' '
		}
	}
	return string(b)
}

// isFieldText reports whether s can be a header's value: printable ASCII, no
// space at its ends.
func isFieldText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != "" && strings.Trim(s, " ") == s
}

// headers are the profile's own and those that options become.
func (o *options) headers(profile []byte) abi.Headers {
	h := abi.Headers{}
	scan.Members(scan.Get(profile, "headers"), func(k, v []byte) bool {
		h[lower(string(k))], _ = scan.String(v)
		return true
	})
	scan.Members(scan.Get(profile, "options"), func(k, v []byte) bool {
		header, text := scan.GetString(v, "header"), o.texts[string(k)]
		if header != "" && text != "" {
			h[lower(header)] = text
		}
		return true
	})
	return h
}

// address is where an endpoint is: {NAME} in base, path and query stands for an
// option, {model} for the deployment's model.
func (o *options) address(base, path string, query []byte, model string) (string, error) {
	address, err := o.fill(base+path, model)
	if err != nil {
		return "", err
	}
	mark := "?"
	if strings.Contains(path, mark) {
		mark = "&"
	}
	scan.Members(query, func(k, v []byte) bool {
		text, _ := scan.String(v)
		if text, err = o.fill(text, model); err == nil {
			address += mark + escape(string(k)) + "=" + text
			mark = "&"
		}
		return err == nil
	})
	return address, err
}

func (o *options) fill(template, model string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, _ := strings.Cut(rest, "}")
		text := o.texts[name]
		if name == "model" {
			text = model
		}
		if text == "" {
			return "", refuse("options."+name, "is required")
		}
		b.WriteString(escape(text))
		template = after
	}
}

// escape writes s for any part of an address: percent signs for all that RFC 3986
// does not leave unreserved. net/url would make the module a tenth larger.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}
