package form

import (
	"encoding/base64"

	"github.com/tokligence/gateway/pdk/abi/scan"
)

// Inline is the canonical body with each file's bytes in base64, as its member
// "data". A file that the form does not have stays as it is.
func (f *Form) Inline(body []byte) []byte {
	size := len(body)
	for i := range f.Files {
		size += base64.StdEncoding.EncodedLen(len(f.Files[i].Bytes)) + len(`,"data":""`)
	}
	b := make([]byte, 0, size+2)
	scan.Members(body, func(key, v []byte) bool {
		b = append(scan.AppendString(append(b, ','), key), ':')
		if scan.Kind(v) != '[' {
			b = f.inline(b, v)
			return true
		}
		b = append(b, '[')
		scan.Elements(v, func(i int, one []byte) bool {
			if i > 0 {
				b = append(b, ',')
			}
			b = f.inline(b, one)
			return true
		})
		b = append(b, ']')
		return true
	})
	return scan.CloseObject(b, 0)
}

func (f *Form) inline(dst, v []byte) []byte {
	n, ok := scan.GetInt(v, "$file")
	file := f.File(int(n))
	if scan.Kind(v) != '{' || !ok || file == nil {
		return append(dst, v...)
	}
	dst = append(append(dst, v[:len(v)-1]...), `,"data":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, file.Bytes), '"', '}')
}
