package messages

import (
	"bytes"

	"github.com/tokligence/gateway/core/dialect/bridge"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Native makes a request fit for a vendor that speaks the Messages API itself: it
// goes without what [FromChat] and [Stream] put on blocks and Anthropic refuses:
// extra_content, citations of pages that it has not searched, the empty texts that
// stand there for their sake, and thoughts with a signature of the gateway's making.
func Native(body []byte) ([]byte, error) {
	if !bytes.Contains(body, []byte("extra_content")) && !bytes.Contains(body, []byte("encrypted_index")) && !bridge.MaySeal(body) {
		return body, nil
	}
	turns, changed := each(scan.Get(body, "messages"), func(m []byte) []byte {
		if blocks, changed := each(scan.Get(m, "content"), nativeBlock); changed {
			return scan.Apply(nil, m, []scan.Edit{{Key: "content", Value: blocks}})
		}
		return m
	})
	if !changed {
		return body, nil
	}
	return scan.Apply(make([]byte, 0, len(body)), body, []scan.Edit{{Key: "messages", Value: turns}}), nil
}

// each is a list of what its elements become, nil for none, and whether that is another.
func each(list []byte, become func(v []byte) []byte) (out []byte, changed bool) {
	scan.Elements(list, func(_ int, v []byte) bool {
		to := become(v)
		changed = changed || len(to) != len(v)
		if to != nil {
			out = append(append(out, ','), to...)
		}
		return true
	})
	return scan.CloseArray(out, 0), changed
}

func nativeBlock(block []byte) []byte {
	if kind := scan.GetString(block, "type"); (kind == "thinking" || kind == "redacted_thinking") && bridge.Sealed(block) {
		return nil
	}
	var edits []scan.Edit
	if scan.Get(block, "extra_content") != nil {
		edits = append(edits, scan.Edit{Key: "extra_content"})
	}
	cited, changed := each(scan.Get(block, "citations"), func(c []byte) []byte {
		if made(c) {
			return nil
		}
		return c
	})
	if changed && scan.Len(cited) == 0 {
		cited = nil
	}
	if changed {
		edits = append(edits, scan.Edit{Key: "citations", Value: cited})
	}
	switch {
	case edits == nil:
		return block
	case scan.GetString(block, "type") == "text" && !filled(scan.Get(block, "text")):
		return nil
	}
	return scan.Apply(nil, block, edits)
}
