// Command chat asks for a streamed answer and a tool call with OpenAI's library: go run . MODEL
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/openai/openai-go/v3"
)

func main() {
	client := openai.NewClient() // OPENAI_BASE_URL and OPENAI_API_KEY
	if err := hello(&client, os.Args[1]); err != nil {
		log.Fatal(err)
	}
	if err := weather(&client, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func hello(client *openai.Client, model string) error {
	stream := client.Chat.Completions.NewStreaming(context.Background(), openai.ChatCompletionNewParams{
		Model:    model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello.")},
	})
	defer stream.Close()
	for stream.Next() {
		for _, c := range stream.Current().Choices {
			fmt.Print(c.Delta.Content)
		}
	}
	fmt.Println()
	return stream.Err()
}

func weather(client *openai.Client, model string) error {
	tool := openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "weather", Parameters: openai.FunctionParameters{
		"type": "object", "properties": map[string]any{"city": map[string]string{"type": "string"}}, "required": []string{"city"},
	}})
	messages := []openai.ChatCompletionMessageParamUnion{openai.UserMessage("What is the weather in Paris?")}
	for {
		answer, err := client.Chat.Completions.New(context.Background(), openai.ChatCompletionNewParams{
			Model: model, Messages: messages, Tools: []openai.ChatCompletionToolUnionParam{tool},
		})
		if err != nil {
			return err
		}
		said := answer.Choices[0].Message
		if len(said.ToolCalls) == 0 {
			fmt.Println(said.Content)
			return nil
		}
		messages = append(messages, said.ToParam())
		for _, call := range said.ToolCalls {
			var where struct{ City string }
			if err := json.Unmarshal([]byte(call.Function.Arguments), &where); err != nil {
				return err
			}
			messages = append(messages, openai.ToolMessage("sunny in "+where.City, call.ID))
		}
	}
}
