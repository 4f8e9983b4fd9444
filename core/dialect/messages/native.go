package messages

import (
	"bytes"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Native makes a request fit for a vendor that speaks the Messages API itself: it
// goes without the extra_content that [FromChat] and [Stream] put on blocks, which
// Anthropic refuses, and without the empty texts that stand there for its sake.
func Native(body []byte) ([]byte, error) {
	if !bytes.Contains(body, []byte("extra_content")) {
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
	if scan.Get(block, "extra_content") == nil {
		return block
	}
	if scan.GetString(block, "type") == "text" && !filled(scan.Get(block, "text")) {
		return nil
	}
	return scan.Apply(nil, block, []scan.Edit{{Key: "extra_content"}})
}
