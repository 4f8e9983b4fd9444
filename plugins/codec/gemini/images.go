package gemini

import (
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// picture collects what a request for pictures becomes. Raw values are nil when absent.
type picture struct {
	imagen  bool
	counted bool // how many are wanted was said
	prompt  []byte
	config  []byte // members of imageConfig, or of Imagen's parameters, each after a comma
	parts   []byte // elements: pictures to draw upon
	bound   []byte // of the output, a member of generationConfig
	notices []string
}

// encodeImages makes a generateContent request of pictures, or with Imagen one of predict.
// https://ai.google.dev/gemini-api/docs/image-generation, …/imagen
func encodeImages(r *abi.EncodeRequest, _ *options) (*abi.EncodeReply, error) {
	p := &picture{imagen: isImagen(r.Deployment.Model)}
	if p.imagen {
		p.config = append(scan.AppendName(p.config, "includeRaiReason"), "true"...)
	}
	if f := llm.EachMember(r.Body, r.DropParams, &p.notices, func(key, v []byte) *llm.Fault { return p.member(string(key), v) }); f != nil {
		return nil, f.Named()
	}
	switch {
	case scan.Kind(p.prompt) != '"':
		return nil, llm.Refuse("prompt", "must be a string").Named()
	case r.Endpoint == abi.ImageEdits && p.parts == nil:
		return nil, llm.Refuse("image", "is required").Named()
	}
	if p.imagen && !p.counted { // OpenAI's default is one, Google's more
		p.put("sampleCount", []byte("1"))
	}
	return &abi.EncodeReply{Body: p.body(), Notices: p.notices}, nil
}

func (p *picture) member(key string, v []byte) (f *llm.Fault) {
	switch key {
	case "model", "user":
	case "prompt":
		p.prompt = v
	case "n":
		return p.count(v)
	case "size":
		s, _ := scan.String(v)
		return p.size(s)
	case "response_format", "background", "stream":
		return llm.WholePicture("Google", key, v)
	case "output_format":
		return p.format(v)
	case "image", "images":
		return llm.EachPicture(v, p.image).Under(key)
	case "max_tokens", "max_completion_tokens":
		if !p.imagen { // which makes nothing but pictures
			p.bound, f = capOutput(p.bound, key, v)
		}
		return f
	case "mask":
		return llm.Refuse(key, "is not supported by Gemini: say in the prompt what is to be changed")
	case "quality", "moderation", "style", "input_fidelity", "partial_images", "output_compression":
		p.notices = append(p.notices, "left out "+key)
	default:
		return p.own(key, v)
	}
	return nil
}

func (p *picture) put(name string, v []byte) {
	p.config = append(scan.AppendName(p.config, name), v...)
}

// maxPictures is the most that Imagen makes for one request.
const maxPictures = 4

func (p *picture) count(v []byte) *llm.Fault {
	switch n, ok := scan.Int(v); {
	case !p.imagen && (!ok || n != 1):
		return llm.Refuse("n", "must be 1: Gemini makes one picture a request")
	case p.imagen && (!ok || n < 1 || n > maxPictures):
		return llm.Refuse("n", "must be a whole number from 1 to 4 with Imagen")
	case p.imagen:
		p.counted = true
		p.put("sampleCount", v)
	}
	return nil
}

func (p *picture) format(v []byte) *llm.Fault {
	switch {
	case scan.Is(v, "png"):
	case scan.Is(v, "jpeg") && p.imagen:
		p.put("outputOptions", []byte(`{"mimeType":"image/jpeg"}`))
	default:
		return llm.Refuse("output_format", "must be png, or jpeg with Imagen")
	}
	return nil
}

// ours are Google's own members, in this API's spelling. Those that say only how
// a picture is framed are of both kinds of models.
var ours = map[string]string{"aspect_ratio": "aspectRatio", "image_size": "imageSize", "person_generation": "personGeneration"}

// imagens are Imagen's alone.
var imagens = map[string]string{"negative_prompt": "negativePrompt", "guidance_scale": "guidanceScale", "seed": "seed", "language": "language",
	"add_watermark": "addWatermark", "enhance_prompt": "enhancePrompt", "safety_setting": "safetySetting"}

func (p *picture) own(key string, v []byte) *llm.Fault {
	name := ours[key]
	if p.imagen {
		if key == "image_size" {
			name = "sampleImageSize"
		}
		if name == "" {
			name = imagens[key]
		}
	}
	if name == "" {
		p.notices = append(p.notices, "left out "+key)
		return nil
	}
	p.put(name, v)
	return nil
}

// image takes a file of a form, or a data URL of a JSON body.
func (p *picture) image(v []byte) *llm.Fault {
	if url := scan.Get(v, "image_url"); url != nil {
		part, f := fromURL(url)
		p.parts = append(append(p.parts, ','), part...)
		return f.Under("image_url")
	}
	part, f := fromFile(v, "image/")
	p.parts = append(append(p.parts, ','), part...)
	return f
}

// fromFile makes inlineData of a form's file, whose type begins with kind as the client
// or the file's name says it.
func fromFile(v []byte, kind string) ([]byte, *llm.Fault) {
	data := scan.Get(v, "data")
	if scan.Kind(data) != '"' || len(data) == 2 {
		return nil, llm.Refuse("", "must be a file that is not empty")
	}
	mediaType, _, _ := strings.Cut(strings.ToLower(scan.GetString(v, "content_type")), ";")
	if named := typeOf(scan.GetString(v, "filename")); !strings.HasPrefix(mediaType, kind) {
		mediaType = named
	}
	if known := sounds[mediaType]; known != "" {
		mediaType = known
	}
	if !strings.HasPrefix(mediaType, kind) {
		return nil, llm.Refuse("", "must say by its name or content type what it is")
	}
	return inline(mediaType, data[1:len(data)-1]), nil
}

func (p *picture) body() []byte {
	if p.imagen {
		b := append(append([]byte(`{"instances":[{"prompt":`), p.prompt...), `}],"parameters":`...)
		return append(append(b, scan.CloseObject(p.config, 0)...), '}')
	}
	b := append([]byte(`{"contents":[{"role":"user","parts":[{"text":`), p.prompt...)
	b = append(append(append(b, '}'), p.parts...), `]}],"generationConfig":{"responseModalities":["IMAGE"]`...)
	b = append(b, p.bound...)
	if len(p.config) > 0 {
		b = append(append(b, `,"imageConfig":`...), scan.CloseObject(p.config, 0)...)
	}
	return append(b, '}', '}')
}

// decodeImages reads a GenerateContentResponse, or Imagen's predictions.
func decodeImages(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	var list []byte
	reason := ""
	if isImagen(r.Deployment.Model) {
		count := int64(0)
		scan.Elements(scan.Get(r.Body, "predictions"), func(_ int, v []byte) bool {
			before := len(list)
			if list = llm.AppendPicture(list, scan.Get(v, "bytesBase64Encoded"), scan.Get(v, "prompt")); len(list) > before {
				count++
			}
			if why := scan.GetString(v, "raiFilteredReason"); why != "" {
				reason = why
			}
			return true
		})
		return picturesOf(list, reason, &abi.DecodeReply{Usage: &abi.Usage{Images: &count}})
	}
	resp := readResponse(r.Body)
	if err := resp.blocked(); err != nil {
		return nil, err
	}
	scan.Elements(resp.candidates, func(i int, raw []byte) bool {
		c := readCandidate(raw, int64(i))
		eachInline(c.content, func(_ string, data []byte) { list = llm.AppendPicture(list, data, nil) })
		if c.reason != "STOP" {
			reason = c.reason
		}
		return true
	})
	return picturesOf(list, reason, &abi.DecodeReply{Usage: made(readUsage(resp.usage), ofImages), Model: resp.served()})
}

// eachInline calls f with the media type and the data of the parts that are no thoughts.
func eachInline(parts []byte, f func(mediaType string, data []byte)) {
	scan.Elements(parts, func(_ int, part []byte) bool {
		if thought, _ := scan.Bool(scan.Get(part, "thought")); !thought {
			if data := scan.Get(part, "inlineData", "data"); scan.Kind(data) == '"' && len(data) > 2 {
				f(scan.GetString(scan.Get(part, "inlineData"), "mimeType"), data)
			}
		}
		return true
	})
}

// picturesOf is the answer, or why there is none.
func picturesOf(list []byte, reason string, reply *abi.DecodeReply) (*abi.DecodeReply, error) {
	if len(list) == 0 {
		if reason == "" || failures[reason] {
			return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: strings.TrimSpace("Google answered without a picture " + reason)}
		}
		return nil, &abi.Error{Code: abi.ContentPolicy, Message: "Google made no picture: " + reason}
	}
	reply.Body = append(append([]byte(`{"data":`), scan.CloseArray(list, 0)...), '}')
	return reply, nil
}

// failures are finish reasons that say nothing of what was asked for.
var failures = map[string]bool{"STOP": true, "MAX_TOKENS": true, "NO_IMAGE": true, "IMAGE_OTHER": true, "OTHER": true}
