package wire

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// AppendInspectRequest appends d to dst.
func AppendInspectRequest(dst []byte, d *abi.InspectRequest) []byte {
	start := len(dst)
	dst = putString(dst, "stage", string(d.Stage))
	dst = putList(dst, "segments", d.Segments, appendSegment)
	dst = optList(dst, "findings", d.Findings, appendFinding)
	dst = scan.AppendName(dst, "context")
	context := len(dst)
	dst = putString(dst, "endpoint", string(d.Context.Endpoint))
	dst = putString(dst, "model", d.Context.Model)
	dst = scan.CloseObject(dst, context)
	dst = optRaw(dst, "state", d.State)
	dst = optBool(dst, "final", d.Final)
	if r := d.HTTPResponse; r != nil {
		dst = scan.AppendName(dst, "http_response")
		response := len(dst)
		dst = putInt(dst, "status", int64(r.Status))
		dst = optHeaders(dst, "headers", r.Headers)
		dst = optString(dst, "body", r.Body)
		dst = optString(dst, "error", r.Error)
		dst = scan.CloseObject(dst, response)
	}
	return scan.CloseObject(dst, start)
}

func appendSegment(dst []byte, s *abi.Segment) []byte {
	start := len(dst)
	dst = putInt(dst, "id", int64(s.ID))
	dst = optString(dst, "role", s.Role)
	dst = putString(dst, "kind", s.Kind)
	dst = putInt(dst, "group", int64(s.Group))
	dst = optInt(dst, "choice", int64(s.Choice))
	dst = putString(dst, "text", s.Text)
	dst = optString(dst, "before", s.Before)
	return scan.CloseObject(dst, start)
}

func appendFinding(dst []byte, f *abi.Finding) []byte {
	start := len(dst)
	dst = putString(dst, "rule", f.Rule)
	dst = putInt(dst, "count", int64(f.Count))
	return scan.CloseObject(dst, start)
}

// ParseInspectRequest reads b into d.
func ParseInspectRequest(b []byte, d *abi.InspectRequest) error {
	old := *d
	*d = abi.InspectRequest{}
	return members(b, func(key, v []byte) error {
		switch string(key) {
		case "stage":
			return setString(&d.Stage, old.Stage, v)
		case "segments":
			return setList(&d.Segments, old.Segments, v, parseSegment)
		case "findings":
			return setList(&d.Findings, old.Findings, v, parseFinding)
		case "context":
			return setContext(&d.Context, &old.Context, v)
		case "state":
			d.State = abi.Raw(v)
		case "final":
			return setBool(&d.Final, v)
		case "http_response":
			d.HTTPResponse = new(abi.HTTPResponse)
			return setHTTPResponse(d.HTTPResponse, v)
		}
		return nil
	})
}

func setContext(c *abi.InspectContext, old *abi.InspectContext, v []byte) error {
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "endpoint":
			return setString(&c.Endpoint, old.Endpoint, v)
		case "model":
			return setString(&c.Model, old.Model, v)
		}
		return nil
	})
}

func setHTTPResponse(r *abi.HTTPResponse, v []byte) error {
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "status":
			return setInt(&r.Status, v)
		case "headers":
			return setHeaders(&r.Headers, v)
		case "body":
			return setString(&r.Body, "", v)
		case "error":
			return setString(&r.Error, "", v)
		}
		return nil
	})
}

func parseSegment(s *abi.Segment, v []byte) error {
	old := *s
	*s = abi.Segment{}
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "id":
			return setInt(&s.ID, v)
		case "role":
			return setString(&s.Role, old.Role, v)
		case "kind":
			return setString(&s.Kind, old.Kind, v)
		case "group":
			return setInt(&s.Group, v)
		case "choice":
			return setInt(&s.Choice, v)
		case "before":
			return setString(&s.Before, old.Before, v)
		case "text":
			return setString(&s.Text, old.Text, v)
		}
		return nil
	})
}

func parseFinding(f *abi.Finding, v []byte) error {
	old := *f
	*f = abi.Finding{}
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "rule":
			return setString(&f.Rule, old.Rule, v)
		case "count":
			return setInt(&f.Count, v)
		}
		return nil
	})
}

// AppendInspectReply appends d to dst.
func AppendInspectReply(dst []byte, d *abi.InspectReply) []byte {
	start := len(dst)
	dst = putString(dst, "verdict", string(d.Verdict))
	dst = optList(dst, "segments", d.Segments, appendSegmentText)
	dst = optList(dst, "findings", d.Findings, appendFinding)
	dst = optString(dst, "client_message", d.ClientMessage)
	dst = optInt(dst, "hold", int64(d.Hold))
	if r := d.HTTPRequest; r != nil {
		dst = scan.AppendName(dst, "http_request")
		request := len(dst)
		dst = putString(dst, "method", r.Method)
		dst = putString(dst, "url", r.URL)
		dst = optHeaders(dst, "headers", r.Headers)
		dst = optString(dst, "body", r.Body)
		dst = scan.CloseObject(dst, request)
	}
	dst = optRaw(dst, "state", d.State)
	return scan.CloseObject(dst, start)
}

func appendSegmentText(dst []byte, s *abi.SegmentText) []byte {
	start := len(dst)
	dst = putInt(dst, "id", int64(s.ID))
	dst = putString(dst, "text", s.Text)
	return scan.CloseObject(dst, start)
}

// ParseInspectReply reads b into d.
func ParseInspectReply(b []byte, d *abi.InspectReply) error {
	old := *d
	*d = abi.InspectReply{}
	return members(b, func(key, v []byte) error {
		switch string(key) {
		case "verdict":
			return setString(&d.Verdict, old.Verdict, v)
		case "segments":
			return setList(&d.Segments, old.Segments, v, parseSegmentText)
		case "findings":
			return setList(&d.Findings, old.Findings, v, parseFinding)
		case "client_message":
			return setString(&d.ClientMessage, old.ClientMessage, v)
		case "hold":
			return setInt(&d.Hold, v)
		case "http_request":
			d.HTTPRequest = new(abi.HTTPRequest)
			return setHTTPRequest(d.HTTPRequest, v)
		case "state":
			d.State = abi.Raw(v)
		}
		return nil
	})
}

func parseSegmentText(s *abi.SegmentText, v []byte) error {
	old := *s
	*s = abi.SegmentText{}
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "id":
			return setInt(&s.ID, v)
		case "text":
			return setString(&s.Text, old.Text, v)
		}
		return nil
	})
}

func setHTTPRequest(r *abi.HTTPRequest, v []byte) error {
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "method":
			return setString(&r.Method, "", v)
		case "url":
			return setString(&r.URL, "", v)
		case "headers":
			return setHeaders(&r.Headers, v)
		case "body":
			return setString(&r.Body, "", v)
		}
		return nil
	})
}
