package gemini

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// decodeError reads a google.rpc.Status, as {"error":…} or in an array of one.
// https://ai.google.dev/gemini-api/docs/troubleshooting, google/rpc/error_details.proto
func decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	body := []byte(r.Body)
	scan.Elements(body, func(_ int, v []byte) bool { body = v; return false })
	return readError(scan.Get(body, "error"), r.Status), nil
}

// readError gives a Status our code; status is that of HTTP, 0 in a stream.
func readError(e []byte, status int) *abi.DecodeErrorReply {
	if n, ok := scan.GetInt(e, "code"); ok && status == 0 {
		status = int(n)
	}
	reply := &abi.DecodeErrorReply{VendorType: scan.GetString(e, "status")}
	message := scan.GetString(e, "message")
	scan.Elements(scan.Get(e, "details"), func(_ int, d []byte) bool {
		switch kind := scan.GetString(d, "@type"); {
		case strings.HasSuffix(kind, ".ErrorInfo"):
			reply.VendorCode = scan.GetString(d, "reason")
		case strings.HasSuffix(kind, ".RetryInfo"):
			reply.RetryAfterMS = milliseconds(scan.GetString(d, "retryDelay"))
		}
		return true
	})
	reply.Error = abi.Error{Code: errorCode(status, reply.VendorType, reply.VendorCode, message), Message: message}
	if message == "" && reply.VendorType != "" {
		reply.Error.Message = "Gemini answered " + reply.VendorType
	}
	return reply
}

// errorCode: messages count by how they begin, so that a sentence that is quoted
// in one means nothing.
func errorCode(status int, kind, reason, message string) abi.ErrorCode {
	switch {
	case strings.HasPrefix(message, "The input token count") && strings.Contains(message, "exceeds the maximum number of tokens allowed"),
		status == 413:
		return abi.ContextWindow
	case reason == "API_KEY_INVALID", strings.HasPrefix(message, "API key not valid"), strings.HasPrefix(message, "API key expired"),
		kind == "UNAUTHENTICATED", kind == "PERMISSION_DENIED", status == 401, status == 403,
		kind == "FAILED_PRECONDITION": // the account's billing or country
		return abi.UpstreamCredential
	case kind == "RESOURCE_EXHAUSTED", status == 429:
		return abi.RateLimited
	case status >= 500, status == 408, status == 499, status == 0:
		return abi.UpstreamUnavailable
	}
	return abi.UpstreamRejected
}

// milliseconds reads a google.protobuf.Duration, "1.5s"; 0 for anything else.
func milliseconds(s string) int64 {
	digits, ok := strings.CutSuffix(s, "s")
	f, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || f < 0 || f > 1e6 {
		return 0
	}
	return int64(f * 1000)
}
