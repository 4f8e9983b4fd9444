package conformance

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"

	"github.com/tokligence/gateway/pdk/abi"
)

// The corpus: requests, vendors' answers and events, inspections and rankings,
// ordinary ones first, one JSON document a line.
//
//go:embed corpus
var corpusFiles embed.FS

// corpus reads a file of the corpus. The files are part of the program, so a
// fault in one is a fault of the program.
func corpus[D any](name string) (list []D) {
	data, err := corpusFiles.ReadFile("corpus/" + name)
	if err != nil {
		panic(err)
	}
	for line := range bytes.Lines(data) {
		var d D
		if err := json.Unmarshal(line, &d); err != nil {
			panic(fmt.Sprintf("%s: %v in %s", name, err, line))
		}
		list = append(list, d)
	}
	return list
}

// body is a client's request.
type body struct {
	Endpoint abi.Endpoint `json:"endpoint"`
	Body     abi.Raw      `json:"body"`
}

// deployments are those that a provider is asked about: at its own address, and
// at one of the operator's, with every credential field that it names.
func deployments(m *abi.Manifest) []abi.Deployment {
	var fields []string
	for _, f := range m.Credential {
		fields = append(fields, f.Name)
	}
	return []abi.Deployment{
		{Name: "own", Model: "model-1", Options: abi.Raw(`{}`), CredentialFields: fields},
		{Name: "other", Model: "vendor/model:2", BaseURL: "https://base.example:8443/v1", Options: abi.Raw(`{}`), CredentialFields: fields},
		{Name: "options", Model: "", BaseURL: "https://base.example", Options: abi.Raw(`{"region":"eu-central-1","unknown":{"x":[1]}}`)},
	}
}

var endpoints = abi.Endpoints[:]
