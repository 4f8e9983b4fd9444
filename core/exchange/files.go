package exchange

import (
	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/form"
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// readForm is the request's body as JSON: of a form its canonical body, whose files
// wait in r.form.
func (r *run) readForm() ([]byte, *core.Error) {
	t := traits[r.req.Endpoint]
	if !t.form {
		return r.req.Body, nil
	}
	kind := r.req.Header("content-type")
	if !form.Is(kind) {
		if t.json {
			return r.req.Body, nil
		}
		e := core.Invalid("", "the request body must be multipart/form-data")
		e.Status = 415
		return nil, e
	}
	var err *core.Error
	if r.form, err = form.Parse(kind, r.req.Body); err != nil {
		return nil, err
	}
	if name := strayFile(r.form.Body); name != "" {
		return nil, core.Invalid(name, "%s must be text: files are file, image and mask", name)
	}
	return r.form.Body, nil
}

// strayFile is the first member that holds a file where the API has text. Its bytes
// would be read by the provider perhaps, and by no guardrail.
func strayFile(body []byte) (name string) {
	scan.Members(body, func(key, value []byte) bool {
		switch string(key) {
		case "file", "image", "mask":
			return true
		}
		isFile := scan.Kind(value) == '{' // a field is never one
		scan.Elements(value, func(_ int, v []byte) bool { isFile = scan.Kind(v) == '{'; return !isFile })
		if isFile {
			name = string(key)
		}
		return !isFile
	})
	return name
}

// rebuildForm makes the form of the canonical body that is about to be sent.
func (r *run) rebuildForm(c *call) *core.Error {
	body := c.held // the fields, a few hundred bytes
	c.held = holdBody()
	w := form.NewWriter(*c.held, r.form.Size()+len(*body))
	err := r.form.Rebuild(w, *body)
	dropBody(body)
	c.form(w)
	return err
}

// sendFiles makes the body of the client's files as a provider plugin has said.
func (r *run) sendFiles(c *call, reply *abi.EncodeReply) *core.Error {
	if reply.File == nil {
		said := c.held // in which the parts' values stand
		c.held = holdBody()
		w := form.NewWriter(*c.held, r.form.Size())
		err := r.form.Write(w, reply.Form)
		dropBody(said)
		c.form(w)
		return err
	}
	file := r.form.File(reply.File.Number)
	if file == nil {
		return form.NoFile(reply.File.Number)
	}
	c.request.Body = file.Bytes
	kind := file.ContentType
	if reply.File.ContentType != "" {
		kind = reply.File.ContentType
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	c.setType(kind)
	return nil
}

func (c *call) form(w *form.Writer) {
	*c.held = w.Bytes
	c.request.Body = w.Bytes
	c.setType(w.ContentType())
}

// setType says what the body is; it is the first header.
func (c *call) setType(kind string) { c.request.Headers[0].Value = kind }
