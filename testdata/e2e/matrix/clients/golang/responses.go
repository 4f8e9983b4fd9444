package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

// respond asks by Responses.
func respond(ctx context.Context, client *openai.Client, job *Job) (Result, error) {
	p := responses.ResponseNewParams{Model: job.Model, MaxOutputTokens: openai.Int(4000), Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(job.Question)}}
	switch job.Feature {
	case "reasoning":
		p.Reasoning = shared.ReasoningParam{Effort: shared.ReasoningEffortHigh, Summary: shared.ReasoningSummaryAuto}
		r, pieces, err := follow(ctx, client, p, job)
		return seen(r, pieces, err)
	case "stream":
		r, pieces, err := follow(ctx, client, p, job)
		return seen(r, pieces, err)
	case "tools":
		return useTools(ctx, client, p, job)
	case "image":
		picture := responses.ResponseInputContentParamOfInputImage(responses.ResponseInputImageDetailAuto)
		picture.OfInputImage.ImageURL = openai.String("data:image/png;base64," + job.Image)
		content := responses.ResponseInputMessageContentListParam{responses.ResponseInputContentParamOfInputText(job.Question), picture}
		p.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage(content, responses.EasyInputMessageRoleUser)}}
	case "structured":
		p.Text.Format.OfJSONSchema = &responses.ResponseFormatTextJSONSchemaConfigParam{Name: "city", Strict: openai.Bool(true), Schema: job.Schema}
		answer, err := client.Responses.New(ctx, p)
		r, err := seen(answer, 0, err)
		r.Value = json.RawMessage(r.Text)
		return r, err
	}
	answer, err := client.Responses.New(ctx, p)
	return seen(answer, 0, err)
}

// seen is what stands in a response.
func seen(r *responses.Response, pieces int, err error) (Result, error) {
	if err != nil {
		return Result{}, err
	}
	thought := ""
	for _, item := range r.Output {
		if item.Type == "reasoning" {
			for _, s := range item.Summary {
				thought += s.Text
			}
			for _, c := range item.AsReasoning().Content {
				thought += c.Text
			}
		}
	}
	return Result{Text: r.OutputText(), Reasoning: thought, Pieces: pieces, Usage: &Usage{r.Usage.InputTokens, r.Usage.OutputTokens}}, nil
}

// failedEvent is the event response.failed.
type failedEvent struct{ message string }

func (e *failedEvent) Error() string { return e.message }

// follow reads a stream to its end.
func follow(ctx context.Context, client *openai.Client, p responses.ResponseNewParams, job *Job) (whole *responses.Response, pieces int, err error) {
	stream := client.Responses.NewStreaming(ctx, p)
	defer stream.Close()
	for stream.Next() {
		switch e := stream.Current(); e.Type {
		case "response.output_text.delta":
			pieces++
			tell(job, pieces)
		case "response.completed":
			whole = &e.Response
		case "response.failed": // an event like any other
			return nil, pieces, &failedEvent{e.Response.Error.Message}
		}
	}
	if err = stream.Err(); err == nil && whole == nil {
		err = errors.New("the stream has no end")
	}
	return whole, pieces, err
}

func useTools(ctx context.Context, client *openai.Client, p responses.ResponseNewParams, job *Job) (Result, error) {
	tool := responses.ToolParamOfFunction(job.Tool.Name, job.Tool.Schema, false)
	tool.OfFunction.Description = openai.String(job.Tool.Description)
	p.Tools = []responses.ToolUnionParam{tool}
	said, _, err := follow(ctx, client, p, job)
	if err != nil {
		return Result{}, err
	}
	items := responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage(job.Question, responses.EasyInputMessageRoleUser)}
	var calls []Call
	for _, item := range said.Output {
		items = append(items, param.Override[responses.ResponseInputItemUnionParam](json.RawMessage(item.RawJSON())))
	}
	for _, item := range said.Output {
		if item.Type != "function_call" {
			continue
		}
		call := item.AsFunctionCall()
		calls = append(calls, Call{call.Name, json.RawMessage(call.Arguments)})
		var where struct{ City string }
		if err := json.Unmarshal([]byte(call.Arguments), &where); err != nil {
			return Result{}, err
		}
		result := responses.ResponseInputItemParamOfFunctionCallOutput(job.Results[where.City])
		result.OfFunctionCallOutput.CallID = openai.String(call.CallID)
		items = append(items, result)
	}
	p.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: items}
	answer, err := client.Responses.New(ctx, p)
	r, err := seen(answer, 0, err)
	r.Calls = calls
	return r, err
}
