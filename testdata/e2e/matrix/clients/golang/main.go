// Command golang asks with openai-go: it reads jobs from standard input and writes
// what came of them to standard output, a line of JSON each. With the argument
// responses it converses by Responses, otherwise by chat completions.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// Job is one cell of the matrix.
type Job struct {
	Other
	Feature  string `json:"feature"`
	Seen     string `json:"seen"` // an address to call at the first piece of a stream; "" is none
	Model    string `json:"model"`
	Question string `json:"question"`
	Tool     struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Schema      map[string]any `json:"schema"`
	} `json:"tool"`
	Results map[string]string `json:"results"` // of the tool, by city
	Image   string            `json:"image"`   // PNG in base64
	Schema  map[string]any    `json:"schema"`
}

// Result is what the client saw.
type Result struct {
	Seen
	Text      string          `json:"text"`
	Reasoning string          `json:"reasoning,omitempty"`
	Pieces    int             `json:"pieces,omitempty"`
	Usage     *Usage          `json:"usage,omitempty"`
	Calls     []Call          `json:"calls,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"`
	Error     *Failure        `json:"error,omitempty"`
}

// Usage is in tokens.
type Usage struct {
	Input  int64 `json:"input"`
	Output int64 `json:"output"`
}

// Call is a tool call of the model.
type Call struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// Failure is the library's error.
type Failure struct {
	Class   string `json:"class"`
	Status  int    `json:"status,omitempty"` // none within a stream
	Message string `json:"message"`
	Retry   string `json:"retry,omitempty"` // Retry-After
}

func main() {
	client := openai.NewClient(option.WithBaseURL(os.Getenv("GATEWAY_URL")+"/v1"), option.WithAPIKey(os.Getenv("GATEWAY_KEY")), option.WithMaxRetries(0))
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var job Job
		if in.Decode(&job) != nil {
			return
		}
		result, err := ask(context.Background(), &client, &job)
		if err != nil {
			result = Result{Error: failure(err)}
		}
		if err := out.Encode(result); err != nil {
			log.Fatal(err)
		}
	}
}

func failure(err error) *Failure {
	f := &Failure{Class: fmt.Sprintf("%T", err), Message: err.Error()}
	if refused := (*openai.Error)(nil); errors.As(err, &refused) {
		f.Class, f.Status, f.Message, f.Retry = "*openai.Error", refused.StatusCode, refused.Message, refused.Response.Header.Get("Retry-After")
	}
	if event := (*failedEvent)(nil); errors.As(err, &event) {
		f.Class = "response.failed"
	}
	return f
}

func ask(ctx context.Context, client *openai.Client, job *Job) (Result, error) {
	switch {
	case job.Endpoint != "":
		return other(ctx, client, job)
	case len(os.Args) > 1 && os.Args[1] == "responses":
		return respond(ctx, client, job)
	}
	p := openai.ChatCompletionNewParams{
		Model:               job.Model,
		Messages:            []openai.ChatCompletionMessageParamUnion{openai.UserMessage(job.Question)},
		MaxCompletionTokens: openai.Int(4000),
	}
	switch job.Feature {
	case "reasoning":
		p.ReasoningEffort = openai.ReasoningEffortHigh
		return streamed(ctx, client, p, job)
	case "stream":
		return streamed(ctx, client, p, job)
	case "tools":
		return tools(ctx, client, p, job)
	case "image":
		p.Messages[0] = openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart(job.Question),
			openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + job.Image}),
		})
	case "structured":
		p.ResponseFormat.OfJSONSchema = &openai.ResponseFormatJSONSchemaParam{
			JSONSchema: openai.ResponseFormatJSONSchemaJSONSchemaParam{Name: "city", Strict: openai.Bool(true), Schema: job.Schema},
		}
		r, err := whole(ctx, client, p)
		r.Value = json.RawMessage(r.Text)
		return r, err
	}
	return whole(ctx, client, p)
}

func whole(ctx context.Context, client *openai.Client, p openai.ChatCompletionNewParams) (Result, error) {
	answer, err := client.Chat.Completions.New(ctx, p)
	if err != nil {
		return Result{}, err
	}
	return Result{Text: answer.Choices[0].Message.Content, Usage: &Usage{answer.Usage.PromptTokens, answer.Usage.CompletionTokens}}, nil
}

// gather reads a stream to its end; each is told of every chunk.
func gather(ctx context.Context, client *openai.Client, p openai.ChatCompletionNewParams, each func(openai.ChatCompletionChunk)) (*openai.ChatCompletionAccumulator, error) {
	p.StreamOptions.IncludeUsage = openai.Bool(true)
	all := &openai.ChatCompletionAccumulator{}
	stream := client.Chat.Completions.NewStreaming(ctx, p)
	defer stream.Close()
	for stream.Next() {
		all.AddChunk(stream.Current())
		each(stream.Current())
	}
	return all, stream.Err()
}

func tell(job *Job, piece int) {
	if piece == 1 && job.Seen != "" {
		if r, err := http.Get(job.Seen); err == nil {
			r.Body.Close()
		}
	}
}

func streamed(ctx context.Context, client *openai.Client, p openai.ChatCompletionNewParams, job *Job) (Result, error) {
	var r Result
	all, err := gather(ctx, client, p, func(c openai.ChatCompletionChunk) {
		if len(c.Choices) == 0 {
			return
		}
		if c.Choices[0].Delta.Content != "" {
			r.Pieces++
			tell(job, r.Pieces)
		}
		// What the library has no field for is kept as it came.
		var thought string
		if json.Unmarshal([]byte(c.Choices[0].Delta.JSON.ExtraFields["reasoning_content"].Raw()), &thought) == nil {
			r.Reasoning += thought
		}
	})
	if err != nil {
		return Result{}, err
	}
	r.Text, r.Usage = all.Choices[0].Message.Content, &Usage{all.Usage.PromptTokens, all.Usage.CompletionTokens}
	return r, nil
}

func tools(ctx context.Context, client *openai.Client, p openai.ChatCompletionNewParams, job *Job) (Result, error) {
	p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
		Name: job.Tool.Name, Description: openai.String(job.Tool.Description), Parameters: job.Tool.Schema,
	})}
	all, err := gather(ctx, client, p, func(openai.ChatCompletionChunk) {})
	if err != nil {
		return Result{}, err
	}
	said := all.Choices[0].Message
	p.Messages = append(p.Messages, said.ToParam())
	var calls []Call
	for _, c := range said.ToolCalls {
		calls = append(calls, Call{c.Function.Name, json.RawMessage(c.Function.Arguments)})
		var where struct{ City string }
		if err := json.Unmarshal([]byte(c.Function.Arguments), &where); err != nil {
			return Result{}, err
		}
		p.Messages = append(p.Messages, openai.ToolMessage(job.Results[where.City], c.ID))
	}
	r, err := whole(ctx, client, p)
	r.Calls = calls
	return r, err
}
