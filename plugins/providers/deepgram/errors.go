package main

import (
	"cmp"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// decodeError reads {"err_code":…,"err_msg":…}, {"category":…,"message":…,"details":…} and plain text.
// https://developers.deepgram.com/docs/errors
func decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	text, _ := scan.String(r.Body)
	reply := &abi.DecodeErrorReply{VendorCode: cmp.Or(scan.GetString(r.Body, "err_code"), scan.GetString(r.Body, "category"))}
	reply.Error.Message = cmp.Or(scan.GetString(r.Body, "err_msg"), scan.GetString(r.Body, "message"), text)
	reply.Error.Code, reply.NoRetry = llm.StatusCode(r.Status)
	return reply, nil
}
