package adminapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
)

// list is the shape of every list. NextCursor is null on the last page.
type list[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor"`
}

// writeList answers with a page; next is where the one after it begins, "" on the last.
func writeList[T any](c *call, data []T, next string) error {
	l := list[T]{Data: data}
	if data == nil {
		l.Data = []T{}
	}
	if next != "" {
		next = c.outward(next)
		l.NextCursor = &next
	}
	return writeJSON(c.w, http.StatusOK, l)
}

// A cursor bears the mark of its list, so that another list's, or one made up,
// is refused instead of answered with whatever happens to follow it. The mark
// is no secret: a cursor opens nothing.
func (c *call) mark(cursor string) []byte {
	sum := sha256.Sum256([]byte(c.list + "\x00" + cursor))
	return sum[:6]
}

// outward is a store's cursor as callers see it, inward the reverse.
func (c *call) outward(cursor string) string {
	return base64.RawURLEncoding.EncodeToString(append(c.mark(cursor), cursor...))
}

func (c *call) inward(shown string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(shown)
	if n := len(c.mark("")); err == nil && len(raw) > n {
		if cursor := string(raw[n:]); bytes.Equal(raw[:n], c.mark(cursor)) {
			return cursor, nil
		}
	}
	return "", core.Invalid("cursor", "is not a cursor of this list")
}

// pageOf cuts a page out of all there is, in the order of the names that name
// gives; no two have the same. It goes on behind a name, whether or not that is still there.
func pageOf[T any](all []T, p core.Page, name func(T) string) (page []T, next string) {
	all = slices.SortedFunc(slices.Values(all), func(x, y T) int { return strings.Compare(name(x), name(y)) })
	if after, ok := strings.CutPrefix(p.Cursor, "="); ok { // so that the empty name has a cursor
		i, found := slices.BinarySearchFunc(all, after, func(v T, after string) int { return strings.Compare(name(v), after) })
		if found {
			i++
		}
		all = all[i:]
	}
	if len(all) <= p.Limit {
		return all, ""
	}
	return all[:p.Limit], "=" + name(all[p.Limit-1])
}
