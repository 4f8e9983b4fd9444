package llm

import "github.com/tokligence/gateway/pdk/abi/scan"

// MediaAside returns a chat request in which no tool's result holds anything but
// text, as OpenAI's API wants it: pictures and files go into a message of the
// user that follows the results, each behind a text that says whose it is. A
// result that held nothing else says where it is now. Everything else stays byte
// for byte.
func MediaAside(body []byte) []byte {
	list := scan.Get(body, "messages")
	if !resultsHoldMedia(list) {
		return body
	}
	var messages, aside []byte
	flush := func() {
		if len(aside) > 0 {
			messages = append(messages, `,{"role":"user","content":`...)
			start := len(messages)
			messages = append(scan.CloseArray(append(messages, aside...), start), '}')
			aside = nil
		}
	}
	scan.Elements(list, func(_ int, m []byte) bool {
		if !isResult(m) {
			flush() // the results of one turn stand together
		} else {
			m, aside = takeMedia(m, aside)
		}
		messages = append(append(messages, ','), m...)
		return true
	})
	flush()
	return scan.Apply(make([]byte, 0, len(body)+256), body, []scan.Edit{{Key: "messages", Value: scan.CloseArray(messages, 0)}})
}

func isResult(message []byte) bool { return string(scan.GetText(message, "role")) == "tool" }

func isText(part []byte) bool { return string(scan.GetText(part, "type")) == "text" }

// resultsHoldMedia reports whether a tool's result holds anything but text.
func resultsHoldMedia(messages []byte) (found bool) {
	scan.Elements(messages, func(_ int, m []byte) bool {
		if isResult(m) {
			scan.Elements(scan.Get(m, "content"), func(_ int, part []byte) bool {
				found = !isText(part)
				return !found
			})
		}
		return !found
	})
	return found
}

// takeMedia moves what is no text out of a tool's result to the elements of aside.
func takeMedia(m, aside []byte) (_, _ []byte) {
	var texts, media []byte
	scan.Elements(scan.Get(m, "content"), func(_ int, part []byte) bool {
		if isText(part) {
			texts = append(append(texts, ','), part...)
		} else {
			media = append(append(media, ','), part...)
		}
		return true
	})
	if media == nil {
		return m, aside
	}
	if texts == nil {
		texts = []byte(`,{"type":"text","text":"The result follows in the user's next message."}`)
	}
	aside = append(aside, `,{"type":"text","text":`...)
	aside = scan.AppendString(aside, "Result of the tool call "+scan.GetString(m, "tool_call_id")+":")
	aside = append(append(aside, '}'), media...)
	return scan.Apply(nil, m, []scan.Edit{{Key: "content", Value: scan.CloseArray(texts, 0)}}), aside
}
