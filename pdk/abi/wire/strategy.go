package wire

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// AppendRankRequest appends d to dst.
func AppendRankRequest(dst []byte, d *abi.RankRequest) []byte {
	start := len(dst)
	dst = putString(dst, "route", d.Route)
	dst = putFacts(dst, &d.Facts)
	dst = putList(dst, "candidates", d.Candidates, appendCandidate)
	dst = strconv.AppendUint(scan.AppendName(dst, "seed"), d.Seed, 10)
	return scan.CloseObject(dst, start)
}

func putFacts(dst []byte, f *abi.Facts) []byte {
	dst = scan.AppendName(dst, "facts")
	start := len(dst)
	dst = putString(dst, "endpoint", string(f.Endpoint))
	dst = optBool(dst, "stream", f.Stream)
	dst = putInt(dst, "input_tokens", f.InputTokens)
	dst = optList(dst, "tags", f.Tags, appendStringElement)
	return scan.CloseObject(dst, start)
}

func appendCandidate(dst []byte, c *abi.Candidate) []byte {
	start := len(dst)
	dst = putString(dst, "deployment", c.Deployment)
	dst = putFloat(dst, "weight", c.Weight)
	dst = putInt(dst, "priority", int64(c.Priority))
	dst = putInt(dst, "in_flight", c.InFlight)
	dst = putFloat(dst, "latency_ms", c.LatencyMS)
	dst = putFloat(dst, "ttft_ms", c.TTFTMS)
	dst = putFloat(dst, "error_share", c.ErrorShare)
	dst = putInt(dst, "rpm", c.RPM)
	dst = putInt(dst, "tpm", c.TPM)
	dst = optInt(dst, "rpm_limit", c.RPMLimit)
	dst = optInt(dst, "tpm_limit", c.TPMLimit)
	dst = optInt(dst, "input_rate", c.InputRate)
	dst = optInt(dst, "output_rate", c.OutputRate)
	dst = optList(dst, "tags", c.Tags, appendStringElement)
	dst = optBool(dst, "half_open", c.HalfOpen)
	return scan.CloseObject(dst, start)
}

// ParseRankRequest reads b into d.
func ParseRankRequest(b []byte, d *abi.RankRequest) error {
	old := *d
	*d = abi.RankRequest{}
	return members(b, func(key, v []byte) error {
		switch string(key) {
		case "route":
			return setString(&d.Route, old.Route, v)
		case "facts":
			return setFacts(&d.Facts, &old.Facts, v)
		case "candidates":
			return setList(&d.Candidates, old.Candidates, v, parseCandidate)
		case "seed":
			n, err := strconv.ParseUint(string(v), 10, 64)
			if err != nil {
				return wrong("a natural number")
			}
			d.Seed = n
		}
		return nil
	})
}

func setFacts(f *abi.Facts, old *abi.Facts, v []byte) error {
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "endpoint":
			return setString(&f.Endpoint, old.Endpoint, v)
		case "stream":
			return setBool(&f.Stream, v)
		case "input_tokens":
			return setInt(&f.InputTokens, v)
		case "tags":
			return setList(&f.Tags, old.Tags, v, stringElement)
		}
		return nil
	})
}

func parseCandidate(c *abi.Candidate, v []byte) error {
	old := *c
	*c = abi.Candidate{}
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "deployment":
			return setString(&c.Deployment, old.Deployment, v)
		case "weight":
			return setFloat(&c.Weight, v)
		case "priority":
			return setInt(&c.Priority, v)
		case "in_flight":
			return setInt(&c.InFlight, v)
		case "latency_ms":
			return setFloat(&c.LatencyMS, v)
		case "ttft_ms":
			return setFloat(&c.TTFTMS, v)
		case "error_share":
			return setFloat(&c.ErrorShare, v)
		case "rpm":
			return setInt(&c.RPM, v)
		case "tpm":
			return setInt(&c.TPM, v)
		case "rpm_limit":
			return setInt(&c.RPMLimit, v)
		case "tpm_limit":
			return setInt(&c.TPMLimit, v)
		case "input_rate":
			return setInt(&c.InputRate, v)
		case "output_rate":
			return setInt(&c.OutputRate, v)
		case "tags":
			return setList(&c.Tags, old.Tags, v, stringElement)
		case "half_open":
			return setBool(&c.HalfOpen, v)
		}
		return nil
	})
}

// AppendRankReply appends d to dst.
func AppendRankReply(dst []byte, d *abi.RankReply) []byte {
	start := len(dst)
	dst = putList(dst, "order", d.Order, func(dst []byte, n *int) []byte { return strconv.AppendInt(dst, int64(*n), 10) })
	dst = optString(dst, "reason", d.Reason)
	dst = optInt(dst, "ttl_ms", d.TTLMS)
	dst = optList(dst, "shares", d.Shares, func(dst []byte, f *float64) []byte { return appendFloat(dst, *f) })
	return scan.CloseObject(dst, start)
}

// ParseRankReply reads b into d.
func ParseRankReply(b []byte, d *abi.RankReply) error {
	old := *d
	*d = abi.RankReply{}
	return members(b, func(key, v []byte) error {
		switch string(key) {
		case "order":
			return setList(&d.Order, old.Order, v, setInt[int])
		case "reason":
			return setString(&d.Reason, old.Reason, v)
		case "ttl_ms":
			return setInt(&d.TTLMS, v)
		case "shares":
			return setList(&d.Shares, old.Shares, v, setFloat)
		}
		return nil
	})
}
