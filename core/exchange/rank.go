package exchange

import (
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// A search unit, by which rankings are sold: one query with up to 100 documents. A
// document that is longer than 500 tokens together with the query counts once for
// each such piece of it, up to max_tokens_per_doc.
// https://docs.cohere.com/docs/rerank-overview, https://cohere.com/pricing
const (
	documentsPerSearch = 100
	tokensPerDocument  = 500
	maxDocumentTokens  = 4096
)

// searches is the most search units that a ranking can come to.
func searches(body scan.Object) int64 {
	longest, ok := scan.Int(body.Get("max_tokens_per_doc"))
	if !ok || longest < 1 {
		longest = maxDocumentTokens
	}
	// A query takes its place in every piece, but at most half of it.
	room := tokensPerDocument - min(estimateTokens(body.Get("query")), tokensPerDocument/2)
	pieces := int64(0)
	scan.Elements(body.Get("documents"), func(_ int, document []byte) bool {
		n := min(estimateTokens(document), longest)
		pieces += max((n+room-1)/room, 1)
		return true
	})
	return max((pieces+documentsPerSearch-1)/documentsPerSearch, 1)
}

// rereadTokens are those of a ranking's query after the first time: it is read with
// each document. https://www.mongodb.com/docs/vector-search/query/native-reranking/billing/
func rereadTokens(body scan.Object) int64 {
	return int64(max(scan.Len(body.Get("documents"))-1, 0)) * estimateTokens(body.Get("query"))
}
