package wire

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// ParsePlanRequest reads b into d.
func ParsePlanRequest(b []byte, d *abi.PlanRequest) error {
	old := *d
	*d = abi.PlanRequest{}
	return members(b, func(key, v []byte) error {
		switch string(key) {
		case "endpoint":
			return setString(&d.Endpoint, old.Endpoint, v)
		case "stream":
			return setBool(&d.Stream, v)
		case "deployment":
			return setDeployment(&d.Deployment, &old.Deployment, v)
		}
		return nil
	})
}

// AppendPlanReply appends d to dst.
func AppendPlanReply(dst []byte, d *abi.PlanReply) []byte {
	start := len(dst)
	dst = putBool(dst, "supported", d.Supported)
	dst = optString(dst, "reason", d.Reason)
	dst = optString(dst, "method", d.Method)
	dst = optString(dst, "url", d.URL)
	dst = optHeaders(dst, "headers", d.Headers)
	dst = putAuth(dst, &d.Auth)
	dst = putRequestPlan(dst, &d.Request)
	dst = scan.AppendName(dst, "response")
	response := len(dst)
	dst = putString(dst, "mode", string(d.Response.Mode))
	dst = scan.CloseObject(optList(dst, "edits", d.Response.Edits, appendEdit), response)
	dst = scan.AppendName(dst, "stream")
	stream := len(dst)
	dst = putString(dst, "mode", string(d.Stream.Mode))
	dst = optString(dst, "framing", string(d.Stream.Framing))
	dst = optList(dst, "edits", d.Stream.Edits, appendEdit)
	dst = scan.CloseObject(optBool(dst, "partless", d.Stream.Partless), stream)
	dst = putUsagePaths(dst, &d.Usage)
	dst = putErrorPaths(dst, &d.Errors)
	if d.Realtime != nil {
		dst = putRealtimePlan(dst, d.Realtime)
	}
	if d.Native != nil {
		dst = putNativePlan(dst, d.Native)
	}
	dst = optBool(dst, "local", d.Local)
	return scan.CloseObject(dst, start)
}

func putAuth(dst []byte, d *abi.Auth) []byte {
	dst = scan.AppendName(dst, "auth")
	start := len(dst)
	dst = optString(dst, "scheme", string(d.Scheme))
	dst = optString(dst, "name", d.Name)
	dst = optString(dst, "value", d.Value)
	dst = optString(dst, "service", d.Service)
	dst = optString(dst, "region", d.Region)
	dst = optString(dst, "scope", d.Scope)
	return scan.CloseObject(dst, start)
}

func putRequestPlan(dst []byte, d *abi.RequestPlan) []byte {
	dst = scan.AppendName(dst, "request")
	start := len(dst)
	dst = putString(dst, "mode", string(d.Mode))
	dst = optList(dst, "edits", d.Edits, appendEdit)
	dst = optBool(dst, "form", d.Form)
	dst = optBool(dst, "inline", d.Inline)
	dst = optBool(dst, "include_usage", d.IncludeUsage)
	dst = optList(dst, "unsupported", d.Unsupported, appendStringElement)
	dst = optString(dst, "output_cap", d.OutputCap)
	dst = optString(dst, "tool_cap", d.ToolCap)
	dst = optString(dst, "steps", d.Steps)
	dst = optInt(dst, "searches", d.Searches)
	dst = optBool(dst, "boundless", d.Boundless)
	dst = optBool(dst, "files_apart", d.FilesApart)
	dst = optList(dst, "efforts", d.Efforts, appendStringElement)
	dst = optString(dst, "web_search", d.WebSearch)
	dst = optList(dst, "extensions", d.Extensions, appendStringElement)
	dst = optBool(dst, "strict", d.Strict)
	dst = optBool(dst, "alternate", d.Alternate)
	dst = optList(dst, "forward_headers", d.ForwardHeaders, appendStringElement)
	return scan.CloseObject(dst, start)
}

func appendEdit(dst []byte, d *abi.Edit) []byte {
	start := len(dst)
	dst = putString(dst, "op", string(d.Op))
	dst = putString(dst, "key", d.Key)
	dst = optString(dst, "to", d.To)
	dst = optRaw(dst, "value", d.Value)
	dst = optRaw(dst, "where", d.Where)
	return scan.CloseObject(dst, start)
}

func putUsagePaths(dst []byte, d *abi.UsagePaths) []byte {
	dst = scan.AppendName(dst, "usage")
	start := len(dst)
	for _, p := range [...]struct {
		name string
		list []string
	}{
		{"input", d.Input}, {"cache_read", d.CacheRead}, {"cache_write_5m", d.CacheWrite5m}, {"cache_write_1h", d.CacheWrite1h},
		{"output", d.Output}, {"reasoning", d.Reasoning}, {"audio_input", d.AudioInput}, {"audio_output", d.AudioOutput},
		{"image_input", d.ImageInput}, {"image_output", d.ImageOutput},
		{"audio_cache_read", d.AudioCached}, {"image_cache_read", d.ImageCached}, {"searches", d.Searches},
		{"images", d.Images}, {"seconds", d.Seconds}, {"characters", d.Characters},
		{"input_includes", d.InputIncludes}, {"output_includes", d.OutputIncludes}, {"output_excludes", d.OutputExcludes},
		{"cache_write_5m_includes", d.CacheWrite5mIncludes}, {"model", d.Model}, {"service", d.Service},
	} {
		dst = optList(dst, p.name, p.list, appendStringElement)
	}
	return scan.CloseObject(dst, start)
}

func putErrorPaths(dst []byte, d *abi.ErrorPaths) []byte {
	dst = scan.AppendName(dst, "errors")
	start := len(dst)
	dst = optString(dst, "message", d.Message)
	dst = optString(dst, "type", d.Type)
	dst = optString(dst, "code", d.Code)
	dst = optList(dst, "patterns", d.Patterns, appendErrorPattern)
	return scan.CloseObject(dst, start)
}

func appendErrorPattern(dst []byte, d *abi.ErrorPattern) []byte {
	start := len(dst)
	dst = putString(dst, "code", string(d.Code))
	dst = optInt(dst, "status", int64(d.Status))
	dst = optString(dst, "type", d.Type)
	dst = optString(dst, "vcode", d.VCode)
	dst = optString(dst, "message", d.Message)
	dst = optBool(dst, "no_retry", d.NoRetry)
	return scan.CloseObject(dst, start)
}
