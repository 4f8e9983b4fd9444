package llm

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Embeddings is a request for embeddings, taken apart. Values are raw, nil when
// absent.
type Embeddings struct {
	Input      []byte
	Dimensions []byte // a positive whole number
	InputType  []byte // a string
	Truncate   []byte // true or false
	OutputType string // output_dtype, "" when absent
	Base64     bool   // encoding_format: the client wants float32 in base64
}

var embeddingFields = scan.NewNames("input", "dimensions", "encoding_format", "input_type", "output_dtype", "truncate", "model", "user")

// Read takes the members of a request. own is called with each that is a
// vendor's, and says whether it knows it; what it does not know is left out,
// which is told in notices, as is what the operator wants dropped.
func (e *Embeddings) Read(body []byte, drop []string, notices *[]string, own func(name string, v []byte) bool) *Fault {
	var format, dtype, unused []byte
	f := Read(body, drop, notices, embeddingFields, func(name string, v []byte) *Fault {
		if own == nil || !own(name, v) {
			*notices = append(*notices, "left out "+name)
		}
		return nil
	}, &e.Input, &e.Dimensions, &format, &e.InputType, &dtype, &e.Truncate, &unused, &unused)
	e.OutputType, _ = scan.String(dtype)
	e.Base64 = scan.Is(format, "base64")
	n, whole := scan.Int(e.Dimensions)
	_, boolean := scan.Bool(e.Truncate)
	switch {
	case f != nil:
		return f
	case e.Dimensions != nil && (!whole || n < 1):
		return Refuse("dimensions", "must be a positive whole number")
	case format != nil && !e.Base64 && !scan.Is(format, "float"):
		return Refuse("encoding_format", "must be float or base64")
	case e.InputType != nil && scan.Kind(e.InputType) != '"':
		return Refuse("input_type", "must be a string")
	case dtype != nil && e.OutputType == "":
		return Refuse("output_dtype", "must be a string")
	case e.Truncate != nil && !boolean:
		return Refuse("truncate", "must be true or false")
	}
	return nil
}

// IsParts reports whether an input is of several parts.
func IsParts(input []byte) bool { return scan.Kind(input) == '{' }

// EachInput calls f with each input, until it finds a fault: a raw string that
// is not empty or, with parts, an object, for [EachPart]. Tokens are refused for the vendor: their digits as text would mean
// another thing.
func (e *Embeddings) EachInput(vendor string, parts bool, f func(input []byte) *Fault) (fault *Fault) {
	one := func(v []byte) *Fault {
		switch {
		case scan.Kind(v) == '"' && len(v) > 2, parts && IsParts(v):
			return f(v)
		case IsParts(v):
			return Refuse("", "must be a text with this model")
		}
		return Refuse("", "must be a text and not empty: "+vendor+" takes no tokens")
	}
	switch {
	case scan.Kind(e.Input) != '[':
		return one(e.Input).Under("input")
	case scan.Len(e.Input) == 0:
		return Refuse("input", "must be a text or an array of texts")
	}
	scan.Elements(e.Input, func(i int, v []byte) bool {
		if fault = one(v); scan.Kind(v) == '"' || IsParts(v) {
			fault = fault.At("input", i)
		} else {
			fault = fault.Under("input")
		}
		return fault == nil
	})
	return fault
}

// AppendTexts appends the array of the inputs, which are texts.
func (e *Embeddings) AppendTexts(dst []byte, vendor string) ([]byte, *Fault) {
	start := len(dst)
	f := e.EachInput(vendor, false, func(text []byte) *Fault {
		dst = append(append(dst, ','), text...)
		return nil
	})
	return scan.CloseArray(dst, start), f
}

// AppendContents appends an array with {"content":[…]} for each input. part appends
// a part, after a comma: of the raw text, or else of the raw URL of a picture.
func (e *Embeddings) AppendContents(dst []byte, vendor string, part func(dst, text, picture []byte) ([]byte, *Fault)) ([]byte, *Fault) {
	start := len(dst)
	f := e.EachInput(vendor, true, func(input []byte) (f *Fault) {
		dst = append(dst, `,{"content":`...)
		list := len(dst)
		if IsParts(input) {
			f = EachPart(input, func(text, picture []byte) (f *Fault) {
				dst, f = part(dst, text, picture)
				return f
			})
		} else {
			dst, f = part(dst, input, nil)
		}
		dst = append(scan.CloseArray(dst, list), '}')
		return f
	})
	return scan.CloseArray(dst, start), f
}

// EachPart calls f with each part of an input that is of several (see the package's
// extensions): the raw text, or else the raw URL of a picture.
func EachPart(input []byte, f func(text, picture []byte) *Fault) (fault *Fault) {
	content := scan.Get(input, "content")
	if scan.Len(content) == 0 {
		return Refuse("content", "must be an array of parts")
	}
	scan.Elements(content, func(i int, part []byte) bool {
		switch kind, text := scan.Get(part, "type"), scan.Get(part, "text"); {
		case scan.Is(kind, "text") && scan.Kind(text) == '"':
			fault = f(text, nil)
		case scan.Is(kind, "text"):
			fault = Refuse("text", "must be a string")
		case scan.Is(kind, "image_url"):
			url := PictureURL(part)
			if scan.Kind(url) != '"' {
				fault = Refuse("image_url.url", "must be a string")
			} else {
				fault = f(nil, url).Under("image_url.url")
			}
		default:
			fault = Refuse("type", "must be text or image_url")
		}
		fault = fault.At("content", i)
		return fault == nil
	})
	return fault
}

// AppendVectors appends the canonical answer for vectors, a raw array with an
// array of numbers or a string of base64 each; ok is false when it has none.
func AppendVectors(dst, vectors []byte) (_ []byte, ok bool) {
	dst = append(dst, `{"object":"list","data":`...)
	start := len(dst)
	ok = scan.Len(vectors) > 0
	scan.Elements(vectors, func(i int, v []byte) bool {
		ok = ok && (scan.Kind(v) == '[' || scan.Kind(v) == '"')
		dst = strconv.AppendInt(append(dst, `,{"object":"embedding","index":`...), int64(i), 10)
		dst = append(append(append(dst, `,"embedding":`...), v...), '}')
		return ok
	})
	return append(scan.CloseArray(dst, start), '}'), ok
}

// AppendElement appends a vector to the elements of an array for [AppendVectors],
// which begins with the comma that scan.CloseArray takes away; nil, where the vendor
// gave none, stands as null.
func AppendElement(elements, vector []byte) []byte {
	if vector == nil {
		vector = []byte("null")
	}
	return append(append(elements, ','), vector...)
}
