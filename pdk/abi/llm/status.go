package llm

import "github.com/tokligence/gateway/pdk/abi"

// StatusCode is what an HTTP status means that a vendor refuses with, when its
// body says nothing more. noRetry is for an account that is used up.
func StatusCode(status int) (code abi.ErrorCode, noRetry bool) {
	switch {
	case status == 401 || status == 403:
		return abi.UpstreamCredential, false
	case status == 402:
		return abi.RateLimited, true
	case status == 413:
		return abi.ContextWindow, false
	case status == 429:
		return abi.RateLimited, false
	case status >= 400 && status < 500 && status != 408 && status != 499:
		return abi.UpstreamRejected, false
	}
	return abi.UpstreamUnavailable, false
}
