package wire

import (
	"slices"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func putDeployment(dst []byte, d *abi.Deployment) []byte {
	dst = scan.AppendName(dst, "deployment")
	start := len(dst)
	dst = putString(dst, "name", d.Name)
	dst = putString(dst, "model", d.Model)
	dst = optString(dst, "base_url", d.BaseURL)
	dst = optRaw(dst, "options", d.Options)
	dst = optList(dst, "credential_fields", d.CredentialFields, appendStringElement)
	return scan.CloseObject(dst, start)
}

var deploymentFields = scan.NewNames("name", "model", "base_url", "options", "credential_fields")

// setDeployment replaces all of d, and takes what is the same from old, which may be d.
func setDeployment(d *abi.Deployment, old *abi.Deployment, v []byte) error {
	var name, model, base, options, fields []byte
	if !deploymentFields.Read(v, nil, &name, &model, &base, &options, &fields) {
		return wrong("an object")
	}
	var r reading
	r.done("name", keepString(&d.Name, old.Name, name))
	r.done("model", keepString(&d.Model, old.Model, model))
	r.done("base_url", keepString(&d.BaseURL, old.BaseURL, base))
	d.Options = options
	r.done("credential_fields", keepList(&d.CredentialFields, old.CredentialFields, fields, stringElement))
	return r.err
}

// keepDeployment is setDeployment for a member that may be absent. Nearly always it
// is that of the last call, of which nothing needs to be read again.
func keepDeployment(d *abi.Deployment, v []byte) error {
	if v != nil && scan.Same(v, d.Text) {
		return nil
	}
	if d.Text = nil; v == nil {
		*d = abi.Deployment{}
		return nil
	}
	if err := setDeployment(d, d, v); err != nil {
		return err
	}
	if d.Text = slices.Clone(v); d.Options != nil {
		d.Options = scan.Get(d.Text, "options") // what aliases v is valid in this call only
	}
	return nil
}

// AppendEncodeRequest appends d to dst.
func AppendEncodeRequest(dst []byte, d *abi.EncodeRequest) []byte {
	start := len(dst)
	dst = putString(dst, "endpoint", string(d.Endpoint))
	dst = putBool(dst, "stream", d.Stream)
	dst = putDeployment(dst, &d.Deployment)
	dst = optList(dst, "drop_params", d.DropParams, appendStringElement)
	dst = putRaw(dst, "body", d.Body)
	return scan.CloseObject(dst, start)
}

var encodeFields = scan.NewNames("endpoint", "stream", "deployment", "drop_params", "body")

// ParseEncodeRequest reads b into d.
func ParseEncodeRequest(b []byte, d *abi.EncodeRequest) error {
	var endpoint, stream, deployment, drop, body []byte
	if !encodeFields.Read(b, nil, &endpoint, &stream, &deployment, &drop, &body) {
		return wrong("an object")
	}
	var r reading
	r.done("endpoint", keepString(&d.Endpoint, d.Endpoint, endpoint))
	r.done("stream", keepBool(&d.Stream, stream))
	r.done("deployment", keepDeployment(&d.Deployment, deployment))
	r.done("drop_params", keepList(&d.DropParams, d.DropParams, drop, stringElement))
	d.Body = body
	return r.err
}

// AppendEncodeReply appends d to dst.
func AppendEncodeReply(dst []byte, d *abi.EncodeReply) []byte {
	start := len(dst)
	dst = optString(dst, "url", d.URL)
	dst = optHeaders(dst, "headers", d.Headers)
	dst = optRaw(dst, "body", d.Body)
	dst = optList(dst, "form", d.Form, appendFormPart)
	dst = optFile(dst, d.File)
	dst = optString(dst, "state", d.State)
	dst = optList(dst, "notices", d.Notices, appendStringElement)
	return scan.CloseObject(dst, start)
}

func appendFormPart(dst []byte, d *abi.FormPart) []byte {
	start := len(dst)
	dst = putString(dst, "name", d.Name)
	dst = optString(dst, "value", d.Value)
	dst = optFile(dst, d.File)
	return scan.CloseObject(dst, start)
}

func optFile(dst []byte, d *abi.FileRef) []byte {
	if d == nil {
		return dst
	}
	dst = scan.AppendName(dst, "file")
	start := len(dst)
	dst = putInt(dst, "number", int64(d.Number))
	dst = optString(dst, "filename", d.Filename)
	dst = optString(dst, "content_type", d.ContentType)
	return scan.CloseObject(dst, start)
}

// ParseEncodeReply reads b into d.
func ParseEncodeReply(b []byte, d *abi.EncodeReply) error { return members(b, encodeReply(d)) }

// ReadEncodeReply checks b and reads it into d.
func ReadEncodeReply(b []byte, d *abi.EncodeReply) error { return read(b, encodeReply(d)) }

func encodeReply(d *abi.EncodeReply) member {
	old := *d
	*d = abi.EncodeReply{}
	return func(key, v []byte) error {
		switch string(key) {
		case "url":
			return setString(&d.URL, old.URL, v)
		case "headers":
			return setHeaders(&d.Headers, v)
		case "body":
			d.Body = abi.Raw(v)
		case "form":
			return setList(&d.Form, old.Form, v, formPartElement)
		case "file":
			d.File = new(abi.FileRef)
			return setFile(d.File, v)
		case "state":
			return setString(&d.State, old.State, v)
		case "notices":
			return setList(&d.Notices, old.Notices, v, stringElement)
		}
		return nil
	}
}

func formPartElement(d *abi.FormPart, v []byte) error {
	*d = abi.FormPart{}
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "name":
			return setString(&d.Name, "", v)
		case "value":
			return setString(&d.Value, "", v)
		case "file":
			d.File = new(abi.FileRef)
			return setFile(d.File, v)
		}
		return nil
	})
}

func setFile(d *abi.FileRef, v []byte) error {
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "number":
			return setInt(&d.Number, v)
		case "filename":
			return setString(&d.Filename, "", v)
		case "content_type":
			return setString(&d.ContentType, "", v)
		}
		return nil
	})
}

// AppendDecodeRequest appends d to dst.
func AppendDecodeRequest(dst []byte, d *abi.DecodeRequest) []byte {
	start := len(dst)
	dst = putString(dst, "endpoint", string(d.Endpoint))
	dst = putDeployment(dst, &d.Deployment)
	dst = putInt(dst, "status", int64(d.Status))
	dst = optHeaders(dst, "headers", d.Headers)
	dst = optString(dst, "state", d.State)
	dst = putRaw(dst, "body", d.Body)
	return scan.CloseObject(dst, start)
}

var decodeFields = scan.NewNames("endpoint", "deployment", "status", "headers", "state", "body")

// ParseDecodeRequest reads b into d.
func ParseDecodeRequest(b []byte, d *abi.DecodeRequest) error {
	var endpoint, deployment, status, headers, state, body []byte
	if !decodeFields.Read(b, nil, &endpoint, &deployment, &status, &headers, &state, &body) {
		return wrong("an object")
	}
	var r reading
	r.done("endpoint", keepString(&d.Endpoint, d.Endpoint, endpoint))
	r.done("deployment", keepDeployment(&d.Deployment, deployment))
	r.done("status", keepInt(&d.Status, status))
	r.done("headers", keepHeaders(&d.Headers, headers))
	r.done("state", keepString(&d.State, d.State, state))
	d.Body = body
	return r.err
}

// AppendDecodeReply appends d to dst.
func AppendDecodeReply(dst []byte, d *abi.DecodeReply) []byte {
	start := len(dst)
	dst = putRaw(dst, "body", d.Body)
	dst = optUsage(dst, "usage", d.Usage)
	dst = optString(dst, "model", d.Model)
	dst = optString(dst, "content_type", d.ContentType)
	dst = optBool(dst, "base64", d.Base64)
	dst = optInt(dst, "wave_rate", d.WaveRate)
	return scan.CloseObject(dst, start)
}

// ParseDecodeReply reads b into d.
func ParseDecodeReply(b []byte, d *abi.DecodeReply) error { return members(b, decodeReply(d)) }

// ReadDecodeReply checks b and reads it into d.
func ReadDecodeReply(b []byte, d *abi.DecodeReply) error { return read(b, decodeReply(d)) }

func decodeReply(d *abi.DecodeReply) member {
	old := *d
	*d = abi.DecodeReply{}
	return func(key, v []byte) error {
		switch string(key) {
		case "body":
			d.Body = abi.Raw(v)
		case "usage":
			return setUsage(&d.Usage, v)
		case "model":
			return setString(&d.Model, old.Model, v)
		case "content_type":
			return setString(&d.ContentType, old.ContentType, v)
		case "base64":
			return setBool(&d.Base64, v)
		case "wave_rate":
			return setInt(&d.WaveRate, v)
		}
		return nil
	}
}

// AppendDecodeErrorRequest appends d to dst.
func AppendDecodeErrorRequest(dst []byte, d *abi.DecodeErrorRequest) []byte {
	start := len(dst)
	dst = optString(dst, "endpoint", string(d.Endpoint))
	dst = putInt(dst, "status", int64(d.Status))
	dst = optHeaders(dst, "headers", d.Headers)
	dst = putRaw(dst, "body", d.Body)
	return scan.CloseObject(dst, start)
}

// ParseDecodeErrorRequest reads b into d.
func ParseDecodeErrorRequest(b []byte, d *abi.DecodeErrorRequest) error {
	old := d.Endpoint
	*d = abi.DecodeErrorRequest{}
	return members(b, func(key, v []byte) error {
		switch string(key) {
		case "endpoint":
			return setString(&d.Endpoint, old, v)
		case "status":
			return setInt(&d.Status, v)
		case "headers":
			return setHeaders(&d.Headers, v)
		case "body":
			d.Body = abi.Raw(v)
		}
		return nil
	})
}

// AppendDecodeErrorReply appends d to dst.
func AppendDecodeErrorReply(dst []byte, d *abi.DecodeErrorReply) []byte {
	start := len(dst)
	dst = AppendError(scan.AppendName(dst, "error"), &d.Error)
	dst = optString(dst, "vendor_type", d.VendorType)
	dst = optString(dst, "vendor_code", d.VendorCode)
	dst = optInt(dst, "retry_after_ms", d.RetryAfterMS)
	dst = optBool(dst, "no_retry", d.NoRetry)
	dst = optRaw(dst, "details", d.Details)
	return scan.CloseObject(dst, start)
}

// ParseDecodeErrorReply reads b into d.
func ParseDecodeErrorReply(b []byte, d *abi.DecodeErrorReply) error {
	old := *d
	*d = abi.DecodeErrorReply{}
	return members(b, func(key, v []byte) error {
		switch string(key) {
		case "error":
			return ParseError(v, &d.Error)
		case "vendor_type":
			return setString(&d.VendorType, old.VendorType, v)
		case "vendor_code":
			return setString(&d.VendorCode, old.VendorCode, v)
		case "retry_after_ms":
			return setInt(&d.RetryAfterMS, v)
		case "no_retry":
			return setBool(&d.NoRetry, v)
		case "details":
			d.Details = v
		}
		return nil
	})
}
