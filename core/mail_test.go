package core_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tokligence/gateway/core"
)

func TestMail_Validate(t *testing.T) {
	good := core.Mail{Kind: "invite", To: "ada@example.com", Subject: "Grüße", Text: "Hello.\n\nhttps://gateway.example.com/invite#secret\n"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		param  string
		change func(m *core.Mail)
	}{
		"a name":          {"to", func(m *core.Mail) { m.To = "Ada <ada@example.com>" }},
		"a header":        {"to", func(m *core.Mail) { m.To = "ada@example.com\r\nBcc: eve@example.com" }},
		"two":             {"to", func(m *core.Mail) { m.To = "ada@example.com, eve@example.com" }},
		"subject, header": {"subject", func(m *core.Mail) { m.Subject = "Hello\r\nBcc: eve@example.com" }},
		"no subject":      {"subject", func(m *core.Mail) { m.Subject = " " }},
		"no text":         {"text", func(m *core.Mail) { m.Text = "\n" }},
	} {
		m := good
		c.change(&m)
		err := core.AsError(m.Validate())
		if err == nil || err.Param != c.param {
			t.Errorf("%s: got %v, want an error at %s", name, err, c.param)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v %v", good, good, good, &good); strings.Contains(s, "secret") || strings.Contains(s, "ada@") {
		t.Errorf("a mail tells %s", s)
	}
}
