package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/openai/openai-go/v3"
)

// Other is what of a job the endpoints beside conversations need; see endpoints.mjs.
type Other struct {
	Endpoint  string `json:"endpoint"` // "" is a conversation
	Text      string `json:"text"`
	Suffix    string `json:"suffix"`    // what stands behind the gap that a completion fills
	Recording []byte `json:"recording"` // WAV in base64
}

// Seen is what the client saw of such an answer.
type Seen struct {
	Vectors  [][]float64 `json:"vectors,omitempty"`
	Violence []any       `json:"violence,omitempty"`
	Image    string      `json:"image,omitempty"`
	Sound    []byte      `json:"sound,omitempty"`
}

func other(ctx context.Context, client *openai.Client, job *Job) (Result, error) {
	switch job.Endpoint {
	case "completions":
		p := openai.CompletionNewParams{Model: openai.CompletionNewParamsModel(job.Model), Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String(job.Text)}}
		if job.Suffix != "" {
			p.Suffix = openai.String(job.Suffix)
		}
		r, err := client.Completions.New(ctx, p)
		if err != nil {
			return Result{}, err
		}
		return Result{Text: r.Choices[0].Text}, nil
	case "embeddings":
		return embeddings(ctx, client, job)
	case "moderations":
		r, err := client.Moderations.New(ctx, openai.ModerationNewParams{Model: job.Model, Input: openai.ModerationNewParamsInputUnion{OfString: openai.String(job.Text)}})
		if err != nil {
			return Result{}, err
		}
		return Result{Seen: Seen{Violence: []any{r.Results[0].Categories.Violence, r.Results[0].CategoryScores.Violence}}}, nil
	case "images", "image_edits", "image_variations":
		return pictures(ctx, client, job)
	case "speech", "transcriptions", "translations":
		return sound(ctx, client, job)
	}
	return Result{}, fmt.Errorf("openai-go has no %s", job.Endpoint)
}

func embeddings(ctx context.Context, client *openai.Client, job *Job) (Result, error) {
	r, err := client.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: job.Model, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{job.Text}}})
	if err != nil {
		return Result{}, err
	}
	var seen Seen
	for _, d := range r.Data {
		seen.Vectors = append(seen.Vectors, d.Embedding)
	}
	return Result{Seen: seen}, nil
}

func pictures(ctx context.Context, client *openai.Client, job *Job) (Result, error) {
	pixel, err := base64.StdEncoding.DecodeString(job.Image)
	if err != nil {
		return Result{}, err
	}
	file := openai.File(bytes.NewReader(pixel), "pixel.png", "image/png")
	var r *openai.ImagesResponse
	switch job.Endpoint {
	case "images":
		r, err = client.Images.Generate(ctx, openai.ImageGenerateParams{Model: job.Model, Prompt: job.Text})
	case "image_edits":
		r, err = client.Images.Edit(ctx, openai.ImageEditParams{Model: job.Model, Prompt: job.Text, Image: openai.ImageEditParamsImageUnion{OfFile: file}})
	default:
		r, err = client.Images.NewVariation(ctx, openai.ImageNewVariationParams{Model: job.Model, Image: file})
	}
	if err != nil {
		return Result{}, err
	}
	return Result{Seen: Seen{Image: r.Data[0].B64JSON}}, nil
}

func sound(ctx context.Context, client *openai.Client, job *Job) (Result, error) {
	file := openai.File(bytes.NewReader(job.Recording), "rome.wav", "audio/wav")
	switch job.Endpoint {
	case "transcriptions":
		r, err := client.Audio.Transcriptions.New(ctx, openai.AudioTranscriptionNewParams{Model: job.Model, File: file})
		if err != nil {
			return Result{}, err
		}
		return Result{Text: r.Text}, nil
	case "translations":
		r, err := client.Audio.Translations.New(ctx, openai.AudioTranslationNewParams{Model: job.Model, File: file})
		if err != nil {
			return Result{}, err
		}
		return Result{Text: r.Text}, nil
	}
	r, err := client.Audio.Speech.New(ctx, openai.AudioSpeechNewParams{Model: job.Model, Input: job.Text, Voice: openai.AudioSpeechNewParamsVoiceUnion{OfString: openai.String("alloy")}})
	if err != nil {
		return Result{}, err
	}
	defer r.Body.Close()
	all, err := io.ReadAll(r.Body)
	return Result{Seen: Seen{Sound: all}}, err
}
