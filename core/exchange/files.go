package exchange

import (
	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/form"
	"github.com/tokligence/gateway/pdk/abi"
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
	return r.form.Body, nil
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
