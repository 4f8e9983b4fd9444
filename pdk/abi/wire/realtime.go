package wire

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

func putRealtimePlan(dst []byte, d *abi.RealtimePlan) []byte {
	dst = scan.AppendName(dst, "realtime")
	start := len(dst)
	dst = optInt(dst, "heard_tokens", d.HeardTokens)
	dst = optInt(dst, "said_tokens", d.SaidTokens)
	dst = optInt(dst, "preamble", d.Preamble)
	dst = optBool(dst, "transcribes", d.Transcribes)
	dst = optBool(dst, "grows", d.Grows)
	dst = optBool(dst, "long_text", d.LongText)
	return scan.CloseObject(dst, start)
}

// AppendConverseRequest appends d to dst.
func AppendConverseRequest(dst []byte, d *abi.ConverseRequest) []byte {
	start := len(dst)
	dst = putDeployment(dst, &d.Deployment)
	dst = putString(dst, "session", d.Session)
	dst = optRaw(dst, "state", d.State)
	dst = optRaw(dst, "client", d.Client)
	dst = optRaw(dst, "vendor", d.Vendor)
	return scan.CloseObject(dst, start)
}

var converseFields = scan.NewNames("deployment", "session", "state", "client", "vendor")

// ParseConverseRequest reads b into d.
func ParseConverseRequest(b []byte, d *abi.ConverseRequest) error {
	var deployment, session, state, client, vendor []byte
	if !converseFields.Read(b, nil, &deployment, &session, &state, &client, &vendor) {
		return wrong("an object")
	}
	d.State, d.Client, d.Vendor = state, client, vendor
	var r reading
	r.done("deployment", keepDeployment(&d.Deployment, deployment))
	r.done("session", keepString(&d.Session, d.Session, session))
	return r.err
}

// AppendConverseReply appends d to dst.
func AppendConverseReply(dst []byte, d *abi.ConverseReply) []byte {
	start := len(dst)
	dst = putRaw(dst, "state", d.State)
	dst = optList(dst, "to_vendor", d.ToVendor, appendRawElement)
	dst = optList(dst, "to_client", d.ToClient, appendRawElement)
	return scan.CloseObject(dst, start)
}

// ParseConverseReply reads b into d.
func ParseConverseReply(b []byte, d *abi.ConverseReply) error {
	old := *d
	*d = abi.ConverseReply{}
	return members(b, func(key, v []byte) error {
		switch string(key) {
		case "state":
			d.State = v
		case "to_vendor":
			return setList(&d.ToVendor, old.ToVendor, v, rawElement)
		case "to_client":
			return setList(&d.ToClient, old.ToClient, v, rawElement)
		}
		return nil
	})
}
