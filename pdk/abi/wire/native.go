package wire

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func putNativePlan(dst []byte, d *abi.NativePlan) []byte {
	dst = scan.AppendName(dst, "native")
	start := len(dst)
	dst = putList(dst, "routes", d.Routes, appendNativeRoute)
	dst = optRaw(dst, "error_body", d.ErrorBody)
	dst = optHeaders(dst, "error_names", d.ErrorNames)
	return scan.CloseObject(dst, start)
}

func appendNativeRoute(dst []byte, d *abi.NativeRoute) []byte {
	start := len(dst)
	dst = optString(dst, "method", d.Method)
	dst = putString(dst, "path", d.Path)
	dst = optList(dst, "query", d.Query, appendStringElement)
	dst = optString(dst, "endpoint", string(d.Endpoint))
	dst = optString(dst, "url", d.URL)
	dst = optString(dst, "model", d.Model)
	dst = putRequestPlan(dst, &d.Request)
	dst = optBool(dst, "stream", d.Stream)
	dst = optString(dst, "stream_if", d.StreamIf)
	dst = optString(dst, "framing", string(d.Framing))
	dst = optString(dst, "wrapped", d.Wrapped)
	dst = optList(dst, "caps", d.Caps, appendStringElement)
	dst = optList(dst, "choices", d.Choices, appendStringElement)
	dst = optBool(dst, "pictures", d.Pictures)
	dst = optBool(dst, "ranks", d.Ranks)
	dst = optList(dst, "services", d.Services, appendStringElement)
	dst = putUsagePaths(dst, &d.Usage)
	dst = optList(dst, "finish", d.Finish, appendStringElement)
	dst = optBool(dst, "free", d.Free)
	return scan.CloseObject(dst, start)
}
