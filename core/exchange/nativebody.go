package exchange

import (
	"bytes"
	"strings"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/patch"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// parseNative checks a body in a provider's own dialect and reads the facts from
// the members that its route names. model is what the path says, "" when the body does.
func parseNative(n *nativeRoute, model string, text []byte) (facts, scan.Object, *core.Error) {
	f := facts{choices: 1, made: 1, model: model, stream: n.Stream}
	body, err := parseObject(text)
	if err != nil {
		return f, body, err
	}
	if n.Model != "" {
		v, err := member(text, []string{n.Model})
		if err != nil {
			return f, body, err
		}
		if f.model, _ = scan.String(v); f.model == "" || len(f.model) > maxModel {
			f.model = ""
			return f, body, core.Invalid(n.Model, "%s is required: a non-empty string of at most %d bytes", n.Model, maxModel)
		}
	}
	if n.StreamIf != "" {
		v, err := member(text, []string{n.StreamIf})
		if err != nil {
			return f, body, err
		}
		if on, ok := scan.Bool(v); ok {
			f.stream = on
		} else if !scan.IsNull(v) {
			return f, body, core.Invalid(n.StreamIf, "%s must be true or false", n.StreamIf)
		}
	}
	if f.maxOutput, err = largest(text, n.caps, 0); err != nil {
		return f, body, err
	}
	choices, err := largest(text, n.choices, 0)
	if choices == 0 {
		choices = 1
		if n.Pictures {
			choices = unaskedPictures
		}
	}
	if err != nil {
		return f, body, err
	}
	for _, path := range n.services {
		v, err := member(text, path)
		if err != nil {
			return f, body, err
		}
		if name, _ := scan.String(v); name != "" {
			f.service.wants(strings.Join(path, "."), name)
		}
	}
	f.capped, f.made = f.maxOutput > 0, choices
	if f.choices = choices; choices > 128 {
		return f, body, core.Invalid(n.Choices[0], "%s must be at most 128", n.Choices[0])
	}
	return f, body, nil
}

// unaskedPictures is the most that a vendor makes for a request that names no number.
// https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/imagen-api
const unaskedPictures = 4

// largest is the highest of the numbers at paths that is at least otherwise. One
// below 1 asks for no bound, as some servers have it.
func largest(text []byte, paths [][]string, otherwise int64) (int64, *core.Error) {
	for _, path := range paths {
		v, err := member(text, path)
		if err != nil {
			return 0, err
		}
		if scan.IsNull(v) {
			continue
		}
		n, ok := scan.Int(v)
		if !ok {
			name := strings.Join(path, ".")
			return 0, core.Invalid(name, "%s must be an integer", name)
		}
		otherwise = max(otherwise, min(n, maxCount))
	}
	return otherwise, nil
}

// member looks a member up that the gateway acts on. On the way no name may stand
// twice, or be written in another case: what is checked must be what is read.
func member(obj []byte, path []string) ([]byte, *core.Error) {
	for i, name := range path {
		var found []byte
		var err *core.Error
		scan.Members(obj, func(key, value []byte) bool {
			switch at := strings.Join(path[:i+1], "."); {
			case len(key) != len(name) || !strings.EqualFold(string(key), name):
			case string(key) != name:
				err = core.Invalid(at, "member %s must be written %s", key, name)
			case found != nil:
				err = core.Invalid(at, "member %s stands twice", at)
			default:
				found = value
			}
			return err == nil
		})
		if err != nil || found == nil {
			return nil, err
		}
		obj = found
	}
	return obj, nil
}

// nativeEdits puts the deployed model into a body, and the gateway's output cap.
func (r *run) nativeEdits(body scan.Object) ([]byte, *core.Error) {
	n := r.plan.native
	if err := r.refuseUnsupported(body); err != nil {
		return nil, err
	}
	text, _ := patch.Apply(body.Text(), r.drops(body))
	if n.Model != "" {
		text = scan.Apply(nil, text, []scan.Edit{{Key: n.Model, Value: scan.AppendString(nil, r.target.Deployment.Model)}})
	}
	text, _ = patch.Apply(text, r.plan.edits)
	if r.cap > 0 && len(n.caps) > 0 {
		text = r.capNative(text, n)
	}
	return text, nil
}

// capNative is capEdits for a body in a provider's own dialect.
func (r *run) capNative(text []byte, n *nativeRoute) []byte {
	named := false
	for _, path := range n.caps {
		v := scan.Get(text, path...)
		if scan.IsNull(v) {
			continue
		}
		named = true
		if have, ok := scan.Int(v); !ok || have > r.cap || have < 1 {
			text = setAt(text, path, appendInt(nil, r.cap))
		}
	}
	if !named {
		text = setAt(text, capPath(text, n.caps), appendInt(nil, r.cap))
	}
	r.head.MaxOutput = r.cap
	return text
}

// capPath is where a body without a cap gets one: in the object that it has, where
// that may be written in several ways, else the first.
func capPath(text []byte, caps [][]string) []string {
	for _, path := range caps {
		if len(path) > 1 && scan.Kind(scan.Get(text, path[0])) == '{' {
			return path
		}
	}
	return caps[0]
}

// setAt sets the member at path, with the objects on the way.
func setAt(obj []byte, path []string, value []byte) []byte {
	if len(path) > 1 {
		inner := scan.Get(obj, path[0])
		if scan.Kind(inner) != '{' {
			inner = []byte("{}")
		}
		value = setAt(inner, path[1:], value)
	}
	return scan.Apply(nil, obj, []scan.Edit{{Key: path[0], Value: value}})
}

// countValues counts the values at path that are not null, false or "". A name
// with [] behind it stands for every element of the array.
func countValues(doc []byte, path []string) (n int64) {
	if len(path) == 0 {
		if k := scan.Kind(doc); k != 0 && k != 'n' && k != 'f' && !bytes.Equal(bytes.TrimSpace(doc), []byte(`""`)) {
			return 1
		}
		return 0
	}
	name, each := strings.CutSuffix(path[0], "[]")
	v := scan.Get(doc, name)
	if v == nil || !each {
		if v == nil {
			return 0
		}
		return countValues(v, path[1:])
	}
	scan.Elements(v, func(_ int, e []byte) bool { n += countValues(e, path[1:]); return true })
	return n
}
