package gemini

import (
	"strconv"

	"github.com/tokligence/gateway/pdk/abi/llm"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// The ratios that models draw in, wide before high.
// Sources: ImageConfig and GenerateImagesConfig of the npm package @google/genai.
var (
	geminiRatios = [...][2]float64{{1, 1}, {2, 3}, {3, 2}, {3, 4}, {4, 3}, {9, 16}, {16, 9}, {21, 9}}
	imagenRatios = [...][2]float64{{1, 1}, {3, 4}, {4, 3}, {9, 16}, {16, 9}}
)

// From these lengths of the longer side on a picture is asked for in 2K and in 4K.
const (
	side2K = 1800
	side4K = 3000
)

// size makes of OpenAI's WIDTHxHEIGHT the nearest ratio that the model has, and of a long
// side its word for that. What is not exactly what was asked for is told.
func (p *picture) size(s string) *llm.Fault {
	if s == "auto" {
		return nil
	}
	width, height, ok := llm.PictureSize(s)
	if !ok {
		return llm.Refuse("size", "must be auto or WIDTHxHEIGHT")
	}
	ratios, big := geminiRatios[:], "imageSize"
	if p.imagen {
		ratios, big = imagenRatios[:], "sampleImageSize"
	}
	best, exact := nearest(float64(width)/float64(height), ratios)
	name := strconv.Itoa(int(best[0])) + ":" + strconv.Itoa(int(best[1]))
	if p.config = scan.AppendString(scan.AppendName(p.config, "aspectRatio"), name); !exact {
		p.notices = append(p.notices, "size "+s+" is drawn as "+name)
	}
	switch side := max(width, height); {
	case side >= side4K && !p.imagen:
		p.put(big, []byte(`"4K"`))
	case side >= side2K:
		p.put(big, []byte(`"2K"`))
	}
	return nil
}

func nearest(asked float64, ratios [][2]float64) (best [2]float64, exact bool) {
	off := 0.0
	for _, r := range ratios {
		has := r[0] / r[1]
		if d := max(asked/has, has/asked); off == 0 || d < off {
			best, off = r, d
		}
	}
	return best, off < 1.001
}
