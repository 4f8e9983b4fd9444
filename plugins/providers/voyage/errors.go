package main

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// tooLong is how messages begin that say that the input does not fit, behind the
// words that name the model. Messages count by how they begin, so that a sentence
// quoted in one means nothing.
var tooLong = [...]string{"The max allowed tokens per submitted batch is ", "The example at index "}

// decodeError reads {"detail":…}, with an error_code of late. What is not known is
// judged by its status. https://docs.voyageai.com/docs/error-codes
func decodeError(r *abi.DecodeErrorRequest) (*abi.DecodeErrorReply, error) {
	reply := &abi.DecodeErrorReply{VendorCode: scan.GetString(r.Body, "error_code")}
	reply.Error.Message = scan.GetString(r.Body, "detail")
	reply.Error.Code, reply.NoRetry = llm.StatusCode(r.Status)
	said := reply.Error.Message
	if rest, ok := strings.CutPrefix(said, "Request to model '"); ok {
		_, said, _ = strings.Cut(rest, "' failed. ")
	}
	for _, prefix := range tooLong {
		if strings.HasPrefix(said, prefix) && r.Status == 400 {
			reply.Error.Code = abi.ContextWindow
		}
	}
	return reply, nil
}
