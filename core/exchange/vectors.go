package exchange

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// encodeVectors turns the embeddings of an answer from numbers into base64 of
// little-endian float32, when the client asked for that and the provider only
// has numbers, and the other way round.
// https://platform.openai.com/docs/api-reference/embeddings/create (encoding_format)
func encodeVectors(body []byte, format string) []byte {
	data := scan.Get(body, "data")
	list := []byte{'['}
	changed := false
	scan.Elements(data, func(i int, item []byte) bool {
		if i > 0 {
			list = append(list, ',')
		}
		vector := scan.Get(item, "embedding")
		switch {
		case format == "base64" && scan.Kind(vector) == '[':
			vector = floatsToBase64(vector)
		case format != "base64" && scan.Kind(vector) == '"':
			vector = base64ToFloats(vector)
		default:
			vector = nil
		}
		if vector == nil {
			list = append(list, item...)
			return true
		}
		changed = true
		list = scan.Apply(list, item, []scan.Edit{{Key: "embedding", Value: vector}})
		return true
	})
	if !changed {
		return body
	}
	return scan.Apply(make([]byte, 0, len(body)), body, []scan.Edit{{Key: "data", Value: append(list, ']')}})
}

func floatsToBase64(vector []byte) []byte {
	var raw []byte
	scan.Elements(vector, func(_ int, v []byte) bool {
		f, _ := scan.Float(v)
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(f)))
		return true
	})
	out := append(make([]byte, 0, base64.StdEncoding.EncodedLen(len(raw))+2), '"')
	return append(base64.StdEncoding.AppendEncode(out, raw), '"')
}

// base64ToFloats is nil for what is no vector.
func base64ToFloats(vector []byte) []byte {
	s, _ := scan.String(vector)
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw)%4 != 0 {
		return nil
	}
	out := []byte{'['}
	for i := 0; i < len(raw); i += 4 {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendFloat32(out, math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
	}
	return append(out, ']')
}
