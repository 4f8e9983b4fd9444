// Package web holds what a browser is given.
package web

import (
	"embed"
	"net/http"
	"strings"
)

//go:embed entry
var entry embed.FS

// entryPages are where people come in: what a link to sign up, to accept an
// invitation or to reset a password leads to, and the sign-in that it may need.
var entryPages = []string{"/sign-in", "/sign-up", "/accept-invite", "/reset-password"}

// entryPolicy lets the pages load nothing but their own two files and talk to
// nobody but this gateway, and lets no other page frame them.
const entryPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Entry is the pages by path, each for GET and HEAD. They use the public admin API alone, and
// work below any base path. A link's token stands behind its #, which browsers send nobody.
func Entry() map[string]http.Handler {
	pages := map[string]http.Handler{}
	for _, path := range entryPages {
		pages[path] = file("entry/entry.html", "text/html; charset=utf-8")
	}
	pages["/entry.js"] = file("entry/entry.js", "text/javascript; charset=utf-8")
	pages["/entry.css"] = file("entry/entry.css", "text/css; charset=utf-8")
	return pages
}

func file(name, contentType string) http.Handler {
	content, err := entry.ReadFile(name)
	if err != nil {
		panic(err) // it is not in the program
	}
	text := string(content)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", entryPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		_, _ = strings.NewReader(text).WriteTo(w) // the reader may have gone
	})
}
