package responses

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// What the model thought comes encrypted where nothing is stored, and is handed back as
// it came. Among clients it is the signature of a thinking block, whose words are the
// summary, if there is one: like a data URL, whose head tells it from what other vendors
// sign and enters a guest that the rest does not.
// https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items
const sealedHead = `"data:openai.reasoning`

// appendSealed appends a reasoning item's encrypted_content, and its id.
func appendSealed(dst, id, encrypted []byte) []byte {
	dst = append(dst, sealedHead...)
	if text := scan.Text(id); isPlain(text) {
		dst = append(append(dst, ";id="...), text...)
	}
	return append(append(dst, ";base64,"...), encrypted[1:]...)
}

// isPlain reports whether an id can stand in a data URL's head.
func isPlain(id []byte) bool {
	for _, c := range id {
		if c != '_' && c != '-' && !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return len(id) > 0 && len(id) <= 128
}

// unseal is the way back: the raw encrypted_content without its quotes, and the id, ""
// for none. ok is false for what another vendor has signed.
func unseal(raw []byte) (id, encrypted []byte, ok bool) {
	rest, ours := bytes.CutPrefix(raw, []byte(sealedHead))
	if _, encrypted, ok = llm.DataURL(raw); !ours || !ok {
		return nil, nil, false
	}
	if rest, ours = bytes.CutPrefix(rest, []byte(";id=")); ours {
		id, _, _ = bytes.Cut(rest, []byte(";"))
	}
	if id != nil && !isPlain(id) {
		return nil, nil, false
	}
	return id, encrypted, len(encrypted) > 0
}

// handBack appends the reasoning item that a thinking block was, after a comma; nothing
// for one of another vendor's, or of nobody's.
func handBack(dst, block []byte) []byte {
	id, encrypted, ok := unseal(scan.Get(block, "signature"))
	if !ok {
		return dst
	}
	dst = append(dst, `,{"type":"reasoning"`...)
	if id != nil {
		dst = wrapped(dst, `,"id":"`, id, `"`)
	}
	dst = append(dst, `,"summary":[`...)
	if text := scan.Get(block, "thinking"); filled(text) {
		dst = wrapped(dst, `{"type":"summary_text","text":`, text, "}")
	}
	return wrapped(dst, `],"encrypted_content":"`, encrypted, `"}`)
}
