package adminapi

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// exportPage is how many rows an export reads at a time.
const exportPage = 1000

// table is how rows are written as CSV.
type table[T any] struct {
	header []string
	row    func(T) []string
}

// export streams the rows of all pages as format says: jsonl or csv.
func export[T any](a *api, c *call, format string, t table[T], page func(cursor string) (rows []T, next string, err error)) error {
	contentType := "application/jsonl"
	if format == "csv" {
		contentType = "text/csv"
	}
	cursor := ""
	for first := true; first || cursor != ""; first = false {
		rows, next, err := page(cursor)
		if err != nil && first {
			return err
		}
		c.w.Header().Set("Content-Type", contentType)
		if err == nil && format == "csv" {
			err = t.write(c.w, rows, first)
		} else if err == nil {
			err = writeLines(c.w, rows)
		}
		if err != nil {
			// The head has left: cut the connection, so that half is not taken for all.
			a.Log.Error("export broke off", "path", c.r.URL.Path, "error", err)
			panic(http.ErrAbortHandler)
		}
		if cursor = next; c.r.Method == http.MethodHead {
			break
		}
	}
	return nil
}

func writeLines[T any](w io.Writer, rows []T) error {
	e := json.NewEncoder(w)
	for _, row := range rows {
		if err := e.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// write writes rows as CSV, with the header before the first.
func (t table[T]) write(w io.Writer, rows []T, first bool) error {
	out := csv.NewWriter(w)
	if first {
		if err := out.Write(t.header); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if err := out.Write(t.row(row)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cell keeps text that others chose from being taken for a formula by the
// programs that open CSV files.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
