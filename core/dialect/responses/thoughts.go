package responses

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// mark begins an encrypted_content of this package's making. What follows is
// JSON in base64:
//
//	{"blocks":[…],"calls":{"<call_id>":{…}},"message":{…}}
//
// blocks are the thoughts of the item: {"signature":…,"of":…} of a part of the
// summary with its hash, {"signature":…} of a thought without words, {"data":…} of
// a redacted one, and {} for a part that nobody signed. calls hold the
// extra_content of the calls that follow, and message that of the answer as far as
// it is signatures. No text of the model stands in it: that
// a guardrail has rewritten in the summary would come back here.
const mark = "tk1."

// Ours reports whether a raw encrypted_content was made here, for no vendor to read.
func Ours(raw []byte) bool { return strings.HasPrefix(string(scan.Text(raw)), mark) }

// thoughts collects what becomes the encrypted_content of one reasoning item.
type thoughts struct {
	blocks, calls []byte // elements and members, each after a comma
	message       []byte // the extra_content of the message
	signed        bool   // something must be kept
}

func (t *thoughts) sign(signature []byte, text string) {
	t.signed = true
	t.blocks = append(t.blocks, ',')
	start := len(t.blocks)
	t.blocks = append(scan.AppendName(t.blocks, "signature"), signature...)
	if text != "" {
		t.blocks = scan.AppendString(scan.AppendName(t.blocks, "of"), hash(text))
	}
	t.blocks = scan.CloseObject(t.blocks, start)
}

func (t *thoughts) redacted(data []byte) {
	t.signed = true
	t.blocks = append(append(append(t.blocks, `,{"data":`...), data...), '}')
}

func (t *thoughts) unsigned() { t.blocks = append(t.blocks, ",{}"...) }

func (t *thoughts) call(id, extra []byte) {
	t.signed = true
	t.calls = append(append(append(append(t.calls, ','), id...), ':'), extra...)
}

func (t *thoughts) answer(extra []byte) { t.signed, t.message = true, extra }

// sealed is the raw encrypted_content, nil when there is nothing to keep.
func (t *thoughts) sealed() []byte {
	if !t.signed {
		return nil
	}
	doc := append(scan.AppendName(nil, "blocks"), scan.CloseArray(append([]byte(nil), t.blocks...), 0)...)
	if t.calls != nil {
		doc = append(scan.AppendName(doc, "calls"), scan.CloseObject(append([]byte(nil), t.calls...), 0)...)
	}
	doc = scan.AppendMember(doc, "message", t.message)
	return scan.AppendString(nil, mark+base64.RawStdEncoding.EncodeToString(scan.CloseObject(doc, 0)))
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// unseal reads a raw encrypted_content; nil for one of another making.
func unseal(raw []byte) []byte {
	text, ok := strings.CutPrefix(string(scan.Text(raw)), mark)
	if !ok {
		return nil
	}
	doc, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || scan.Valid(doc) != nil {
		return nil
	}
	return doc
}

// recall rebuilds what the model thought from a reasoning item: its words, and
// the blocks that are still signed, each after a comma, and the extra_content of
// calls and message.
func recall(item []byte) (words string, blocks, calls, message []byte) {
	var parts []string
	for _, list := range [...]string{"summary", "content"} {
		scan.Elements(scan.Get(item, list), func(_ int, part []byte) bool {
			parts = append(parts, scan.GetString(part, "text"))
			return true
		})
	}
	doc := unseal(scan.Get(item, "encrypted_content"))
	next := 0
	scan.Elements(scan.Get(doc, "blocks"), func(_ int, b []byte) bool {
		signature, of := scan.Get(b, "signature"), scan.GetString(b, "of")
		if data := scan.Get(b, "data"); scan.Kind(data) == '"' {
			blocks = append(append(append(blocks, `,{"type":"redacted_thinking","data":`...), data...), '}')
			return true
		}
		text := ""
		if signature == nil || of != "" {
			if next == len(parts) {
				return false
			}
			text = parts[next]
			next++
		}
		if filled(signature) && (of == "" || of == hash(text)) {
			blocks = scan.AppendString(append(blocks, `,{"type":"thinking","thinking":`...), text)
			blocks = append(append(append(blocks, `,"signature":`...), signature...), '}')
		}
		return true
	})
	return strings.Join(parts, "\n\n"), blocks, scan.Get(doc, "calls"), scan.Get(doc, "message")
}
