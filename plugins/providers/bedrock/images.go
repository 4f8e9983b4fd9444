package main

import (
	"strconv"
	"strings"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// painter is a family of models that make pictures by InvokeModel.
// https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html,
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-image.html and
// …/model-parameters-diffusion-3-5-large.html (Stability AI's Core and Ultra have the same form)
type painter struct {
	part  string // of the model's name
	maker string
	most  int64 // pictures for one request
	edits bool
	own   map[string]string // members that are the maker's own, and where they go
}

var (
	amazons = map[string]string{"negative_prompt": "task.negativeText", "seed": "config.seed", "cfg_scale": "config.cfgScale",
		"mask_prompt": "task.maskPrompt", "similarity_strength": "task.similarityStrength"}
	stabilities = map[string]string{"negative_prompt": "config.negative_prompt", "seed": "config.seed", "aspect_ratio": "config.aspect_ratio", "strength": "config.strength"}
)

var painters = [...]painter{
	{"amazon.nova-canvas", "Nova Canvas", 5, true, amazons},
	{"amazon.titan-image", "Titan Image Generator", 5, true, amazons},
	{"stability.sd3", "Stable Diffusion 3", 1, true, stabilities},
	{"stability.stable-image-core", "Stable Image Core", 1, false, stabilities},
	{"stability.stable-image-ultra", "Stable Image Ultra", 1, false, stabilities},
}

// painterOf is nil for a model that is none.
func painterOf(model string) *painter {
	for i := range painters {
		if strings.Contains(model, painters[i].part) {
			return &painters[i]
		}
	}
	return nil
}

func (p *painter) amazon() bool { return p.most > 1 }

// picture collects what a request becomes. Raw values are nil when absent.
type picture struct {
	*painter
	edit         bool
	prompt       []byte
	config, task []byte // members: Amazon's imageGenerationConfig and parameters; of Stability's there is only config
	images       []byte // elements: what is drawn upon, in base64
	count        int
	masked       bool // mask_prompt has come
	strong       bool // strength has come
	notices      []string
}

func encodeImages(r *abi.EncodeRequest) (*abi.EncodeReply, error) {
	p := &picture{painter: painterOf(r.Deployment.Model), edit: r.Endpoint == abi.ImageEdits}
	if p.painter == nil {
		return nil, llm.Refuse("model", "makes no pictures on Bedrock").Named()
	}
	f := llm.EachMember(r.Body, r.DropParams, &p.notices, func(key, v []byte) *llm.Fault { return p.member(string(key), v) })
	switch {
	case f != nil:
	case scan.Kind(p.prompt) != '"':
		f = llm.Refuse("prompt", "must be a string")
	case p.edit && p.count == 0:
		f = llm.Refuse("image", "is required")
	case p.count > 1 && (p.masked || !p.amazon()):
		f = llm.Refuse("image", "must be one picture")
	case p.edit && !p.amazon() && !p.strong:
		f = llm.Refuse("strength", "is required with Stability's models, from 0 to 1: how much of the picture may change")
	}
	if f != nil {
		return nil, f.Named()
	}
	return &abi.EncodeReply{Body: p.body(), Notices: p.notices}, nil
}

func (p *picture) member(key string, v []byte) *llm.Fault {
	switch key {
	case "model", "user":
	case "prompt":
		p.prompt = v
	case "n":
		return p.number(v)
	case "size":
		return p.size(v)
	case "quality":
		return p.quality(v)
	case "style":
		return p.style(v)
	case "response_format", "background", "stream":
		return llm.WholePicture("Bedrock", key, v)
	case "output_format":
		return p.format(v)
	case "image", "images":
		return llm.EachPicture(v, p.source).Under(key)
	case "mask":
		return llm.Refuse(key, "is not supported by Bedrock's models: Amazon's take mask_prompt, words for what is to be changed")
	case "moderation", "input_fidelity", "partial_images", "output_compression":
		p.notices = append(p.notices, "left out "+key)
	default:
		p.ownMember(key, v)
	}
	return nil
}

// ownMember takes what the maker has under a name of its own; of others nobody knows
// what they mean. What is for edits has no place elsewhere.
func (p *picture) ownMember(key string, v []byte) {
	where, name, ok := strings.Cut(p.own[key], ".")
	switch {
	case !ok, !p.edit && (name == "maskPrompt" || name == "similarityStrength" || name == "strength"), p.edit && name == "aspect_ratio":
		p.notices = append(p.notices, "left out "+key)
	case where == "task":
		p.masked = p.masked || name == "maskPrompt"
		p.task = scan.AppendMember(p.task, name, v)
	default:
		p.strong = p.strong || name == "strength"
		p.config = scan.AppendMember(p.config, name, v)
	}
}

func (p *picture) number(v []byte) *llm.Fault {
	n, ok := scan.Int(v)
	if !ok || n < 1 || n > p.most {
		return llm.Refuse("n", "must be a whole number from 1 to "+strconv.FormatInt(p.most, 10)+" with "+p.maker)
	}
	if p.amazon() {
		p.config = scan.AppendMember(p.config, "numberOfImages", v)
	}
	return nil
}

// ratios are Stability's, by OpenAI's sizes and those of one megapixel.
var ratios = map[string]string{"1024x1024": "1:1", "1536x1024": "3:2", "1024x1536": "2:3", "1216x832": "3:2", "832x1216": "2:3",
	"1344x768": "16:9", "768x1344": "9:16", "1152x896": "5:4", "896x1152": "4:5", "1536x640": "21:9", "640x1536": "9:21"}

func (p *picture) size(v []byte) *llm.Fault {
	size, _ := scan.String(v)
	width, height, ok := llm.PictureSize(size)
	switch {
	case size == "auto":
	case !ok:
		return llm.Refuse("size", "must be auto or a width and a height (1024x1024)")
	case p.amazon():
		p.config = scan.AppendMember(p.config, "width", strconv.AppendInt(nil, int64(width), 10))
		p.config = scan.AppendMember(p.config, "height", strconv.AppendInt(nil, int64(height), 10))
	case p.edit:
		p.notices = append(p.notices, "left out size: the picture keeps its own")
	case ratios[size] == "":
		return llm.Refuse("size", "has no aspect ratio that "+p.maker+" knows: aspect_ratio says one")
	default:
		p.config = scan.AppendMember(p.config, "aspect_ratio", []byte(strconv.Quote(ratios[size])))
	}
	return nil
}

// quality: Amazon has two, which differ in price.
func (p *picture) quality(v []byte) *llm.Fault {
	word, _ := scan.String(v)
	switch word {
	case "auto":
		return nil
	case "low", "medium", "standard":
		word = "standard"
	case "high", "hd", "premium":
		word = "premium"
	default:
		return llm.Refuse("quality", "must be auto, low, medium, standard, high, hd or premium with Bedrock")
	}
	if !p.amazon() {
		p.notices = append(p.notices, "left out quality")
		return nil
	}
	p.config = scan.AppendMember(p.config, "quality", []byte(strconv.Quote(word)))
	return nil
}

// style: OpenAI's vivid and natural are no styles of Nova Canvas's.
func (p *picture) style(v []byte) *llm.Fault {
	word, _ := scan.String(v)
	if p.edit || p.part != "amazon.nova-canvas" || word == "vivid" || word == "natural" {
		p.notices = append(p.notices, "left out style")
		return nil
	}
	p.task = scan.AppendMember(p.task, "style", v)
	return nil
}

func (p *picture) format(v []byte) *llm.Fault {
	word, _ := scan.String(v)
	switch {
	case word == "png" && p.amazon():
	case !p.amazon() && (word == "png" || word == "jpeg"):
		p.config = scan.AppendMember(p.config, "output_format", v)
	default:
		return llm.Refuse("output_format", "must be png, or jpeg with Stability's models")
	}
	return nil
}

// source takes a file of a form, or a data URL of a JSON body.
func (p *picture) source(v []byte) *llm.Fault {
	data := scan.Get(v, "data")
	if url := scan.Get(v, "image_url"); url != nil {
		mediaType, found, ok := llm.DataURL(url)
		if !ok || len(found) == 0 || mediaType != "image/png" && mediaType != "image/jpeg" {
			return llm.Refuse("image_url", "must be a base64 data URL of a PNG or JPEG picture with Bedrock")
		}
		data = append(append([]byte{'"'}, found...), '"')
	}
	if scan.Kind(data) != '"' || len(data) == 2 {
		return llm.Refuse("", "must be a file that is not empty")
	}
	p.images = append(append(p.images, ','), data...)
	p.count++
	return nil
}

func (p *picture) body() []byte {
	if !p.amazon() {
		b := scan.AppendMember(nil, "prompt", p.prompt)
		if p.edit {
			b = scan.AppendMember(scan.AppendMember(b, "mode", []byte(`"image-to-image"`)), "image", p.images[1:])
		}
		return scan.CloseObject(append(b, p.config...), 0)
	}
	kind, params := "TEXT_IMAGE", "textToImageParams"
	task := scan.AppendMember(nil, "text", p.prompt)
	switch {
	case p.masked:
		kind, params = "INPAINTING", "inPaintingParams"
		task = scan.AppendMember(task, "image", p.images[1:])
	case p.edit:
		kind, params = "IMAGE_VARIATION", "imageVariationParams"
		task = scan.AppendMember(task, "images", scan.CloseArray(p.images, 0))
	}
	b := scan.AppendMember(nil, "taskType", []byte(strconv.Quote(kind)))
	b = scan.AppendMember(b, params, scan.CloseObject(append(task, p.task...), 0))
	if len(p.config) > 0 {
		b = scan.AppendMember(b, "imageGenerationConfig", scan.CloseObject(p.config, 0))
	}
	return scan.CloseObject(b, 0)
}

// decodeImages reads the list that all have; what was filtered is not in it, and why
// stands in Amazon's error or Stability's finish_reasons.
func decodeImages(r *abi.DecodeRequest) (*abi.DecodeReply, error) {
	var list []byte
	count := int64(0)
	scan.Elements(scan.Get(r.Body, "images"), func(_ int, data []byte) bool {
		before := len(list)
		if list = llm.AppendPicture(list, data, nil); len(list) > before {
			count++
		}
		return true
	})
	if count > 0 {
		return &abi.DecodeReply{Body: append(append([]byte(`{"data":`), scan.CloseArray(list, 0)...), '}'), Usage: &abi.Usage{Images: &count}}, nil
	}
	filtered := scan.Kind(scan.Get(r.Body, "error")) == '"'
	scan.Elements(scan.Get(r.Body, "finish_reasons"), func(_ int, v []byte) bool {
		filtered = filtered || scan.Kind(v) == '"' && !scan.Is(v, "Inference error")
		return true
	})
	if filtered {
		return nil, &abi.Error{Code: abi.ContentPolicy, Message: "a filter of the model's stopped what was asked for, or the picture that was made"}
	}
	return nil, &abi.Error{Code: abi.UpstreamUnavailable, Message: "Bedrock answered without a picture"}
}
