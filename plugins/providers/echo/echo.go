package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
	pdk "github.com/tokligence/gateway/pdk/go"
)

// greeting answers a conversation in which nothing was said to echo.
const greeting = "Hello! I am echo, the provider that needs no account: send me a user message and I will say it back."

// New is the plugin.
func New() *pdk.Provider {
	return &pdk.Provider{
		Manifest: abi.Manifest{
			ID: "provider.echo", Name: "Echo", Version: "1.0.0",
			Kind: abi.KindProvider, ABI: abi.Version, LongText: true,
			Description: "Answers with the last message, without network: for trying things out and for tests.",
			Homepage:    "https://github.com/tokligence/gateway",
			License:     "Apache-2.0", Stability: "stable",
		},
		Plan:         plan,
		Encode:       encode,
		Decode:       decode,
		DecodeEvents: decodeEvents,
	}
}

func plan(r *abi.PlanRequest) (*abi.PlanReply, error) {
	if _, err := pace(&r.Deployment); err != nil {
		return nil, err
	}
	switch r.Endpoint {
	case abi.Chat, abi.Embeddings, abi.Moderations, abi.Rerank, abi.Speech, abi.Transcriptions, abi.Translations, abi.Images, abi.ImageEdits, abi.ImageVariations:
	default:
		return &abi.PlanReply{Reason: "echo has no " + string(r.Endpoint) + " endpoint"}, nil
	}
	return &abi.PlanReply{
		Supported: true, Local: true, Auth: abi.Auth{Scheme: abi.AuthNone},
		Request:  abi.RequestPlan{Mode: abi.Transform, OutputCap: "max_completion_tokens"},
		Response: abi.ResponsePlan{Mode: abi.Transform},
		Stream:   abi.StreamPlan{Mode: abi.Transform},
		Errors: abi.ErrorPaths{Patterns: []abi.ErrorPattern{
			{Code: abi.ContextWindow, VCode: "context_length_exceeded"},
			{Code: abi.ContentPolicy, VCode: "content_policy_violation"},
		}},
	}, nil
}

// pace is the pause between the pieces of a stream, in milliseconds: of
// options.delay_ms, else of the model's name.
func pace(d *abi.Deployment) (int64, error) {
	ms := int64(20)
	suffix := d.Model[strings.LastIndexByte(d.Model, '-')+1:]
	switch digits, ok := strings.CutSuffix(suffix, "ms"); {
	case suffix == "fast":
		ms = 0
	case suffix == "slow":
		ms = 200
	case ok:
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n >= 0 && n <= maxDelay {
			ms = n
		}
	}
	var err error
	scan.Members(d.Options, func(key, value []byte) bool {
		if string(key) != "delay_ms" {
			err = refuse("options."+string(key), "is unknown; known is delay_ms")
			return false
		}
		ms, err = wholeNumber("options.delay_ms", value, 0, maxDelay)
		return err == nil
	})
	return ms, err
}

func encode(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	ms, err := pace(&r.Deployment)
	if err != nil {
		return nil, err
	}
	w, err := readWish(r.Body, ms)
	if err != nil {
		return nil, err
	}
	var body []byte
	switch {
	case w.fail != nil && !(r.Stream && w.failAfter >= 0):
		body = w.failure()
	case r.Endpoint == abi.Embeddings:
		body, err = embeddings(w, r.Body)
	case r.Endpoint == abi.Moderations:
		body, err = moderations(w, r.Body)
	case r.Endpoint == abi.Rerank:
		body, err = rerank(w, r.Body)
	case r.Endpoint != abi.Chat:
		body, err = media(w, r)
	default:
		body, err = chat(w, r)
	}
	if err != nil {
		return nil, err
	}
	return &abi.EncodeReply{Body: body}, nil
}

// chat makes the LocalAnswer of a chat completion.
func chat(w *wish, r *abi.EncodeRequest) ([]byte, error) {
	a, err := readChat(w, r)
	if err != nil {
		return nil, err
	}
	if r.Stream {
		return a.stream(), nil
	}
	return a.whole(), nil
}

// decode takes apart what encode has made.
func decode(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	switch r.Endpoint {
	case abi.Chat, abi.Embeddings, abi.Moderations, abi.Rerank:
	default:
		return decodeMedia(r), nil
	}
	return &abi.DecodeReply{Body: scan.Get(r.Body, "answer"), Usage: readUsage(scan.Get(r.Body, "usage"))}, nil
}

// decodeEvents takes apart what stream has made.
func decodeEvents(r *abi.DecodeEventsRequest) (*abi.DecodeEventsReply, error) {
	reply := &abi.DecodeEventsReply{}
	for i := range r.Events {
		e := &r.Events[i]
		switch e.Name {
		case eventChunk:
			reply.Chunks = append(reply.Chunks, e.Data)
		case eventDone:
			reply.Usage, reply.Done = readUsage(e.Data), true
		case eventError:
			reply.Error = &abi.Error{Code: abi.ErrorCode(scan.GetString(e.Data, "code")), Message: scan.GetString(e.Data, "message")}
			return reply, nil
		}
	}
	return reply, nil
}

func refuse(param, message string) *abi.Error {
	return &abi.Error{Code: abi.InvalidRequest, Message: param + " " + message, Param: param}
}

func wholeNumber(param string, raw []byte, least, most int64) (int64, error) {
	n, ok := scan.Int(raw)
	if !ok || n < least || n > most {
		return 0, refuse(param, "must be a whole number from "+strconv.FormatInt(least, 10)+" to "+strconv.FormatInt(most, 10))
	}
	return n, nil
}
