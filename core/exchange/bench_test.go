package exchange

import (
	"strconv"
	"strings"
	"testing"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func benchBody(size int) []byte {
	return []byte(`{"model":"m","messages":[{"role":"user","content":"` +
		strings.Repeat("the quick brown fox jumps over the lazy dog ", size/44) + `"}],"stream":true}`)
}

func BenchmarkParse(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		b.Run(strconv.Itoa(size>>10)+"KB", func(b *testing.B) {
			body := benchBody(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := parse(abi.Chat, "", body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEstimateInput(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		b.Run(strconv.Itoa(size>>10)+"KB", func(b *testing.B) {
			body := scan.Walk(benchBody(size))
			b.ReportAllocs()
			for b.Loop() {
				estimateInput(body)
			}
		})
	}
}

// BenchmarkEvent is what is looked at in every event of a stream.
func BenchmarkEvent(b *testing.B) {
	event := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[{"index":0,"delta":{"content":" word and another"},"finish_reason":null}]}`)
	var l looker
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.look(event); err != nil {
			b.Fatal(err)
		}
	}
}
