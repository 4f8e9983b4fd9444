package smtp

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
)

func server(t *testing.T) *Server {
	t.Helper()
	s, err := New(Options{Host: "mail.example.com", Username: "u", Password: "MARK", From: "Gateway <gateway@example.com>", TLS: StartTLS, Timeout: time.Second,
		Now: func() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestServer_Message: what is sent reads as what was meant, by a reader of mail
// that we did not write; no text becomes a header, an address or a tag.
func TestServer_Message(t *testing.T) {
	s := server(t)
	text := "Hello <b>Ada</b> & \"co\",\n\nopen\nhttps://example.com/x?a=1&b=\"2\"\njavascript:alert(1)\n\n.\nGrüße\r\nBcc: eve@example.com\n"
	msg, err := s.message("dlv_1", &core.Mail{Kind: "invite", To: "ada@example.com", Subject: "Grüße =?utf-8?q?x?= " + strings.Repeat("lang ", 30), Text: text})
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if _, err := msg.WriteTo(&raw); err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(&raw)
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || !strings.HasPrefix(subject, "Grüße =?utf-8?q?x?= lang") {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{"To": "<ada@example.com>", "From": `"Gateway" <gateway@example.com>`, "Message-Id": "<dlv_1@example.com>",
		"Date": "Wed, 25 Nov 2026 12:00:00 +0000", "Auto-Submitted": "auto-generated", "Bcc": "", "Cc": ""} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	media, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || media != "multipart/alternative" {
		t.Fatal(media, err)
	}
	var parts []string
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p.Header.Get("Content-Type")+"|"+strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	if len(parts) != 2 || !strings.HasPrefix(parts[0], "text/plain; charset=UTF-8|"+strings.ReplaceAll(text, "\r\n", "\n")) {
		t.Errorf("got %q", parts)
	}
	for _, want := range []string{"<p>Hello &lt;b&gt;Ada&lt;/b&gt; &amp; &#34;co&#34;,</p>", `<a href="https://example.com/x?a=1&amp;b=&#34;2&#34;">`, "<br>\njavascript:alert(1)</p>"} {
		if !strings.Contains(parts[1], want) {
			t.Errorf("the page lacks %s:\n%s", want, parts[1])
		}
	}
}

func TestServer_Refuses(t *testing.T) {
	for name, o := range map[string]Options{
		"clear text": {From: "a@example.com", TLS: None, Username: "u", Password: "MARK"},
		"no sender":  {TLS: StartTLS},
		"a header":   {TLS: StartTLS, From: "a@example.com\r\nBcc: eve@example.com"},
	} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "MARK") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := server(t)
	for _, m := range []core.Mail{{To: "a@example.com\r\nBcc: eve@example.com", Subject: "s", Text: "t"}, {To: "a@example.com", Subject: "s\r\nBcc: eve@example.com", Text: "t"}} {
		err, ok := s.Deliver(t.Context(), "dlv_1", &m).(*core.MailError)
		if !ok || !err.Permanent {
			t.Errorf("got %v", err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(text, "MARK") {
		t.Errorf("the password is shown: %s", text)
	}
}
