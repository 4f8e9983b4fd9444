package wire

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// AppendManifest appends d to dst.
func AppendManifest(dst []byte, d *abi.Manifest) []byte {
	start := len(dst)
	dst = putString(dst, "id", d.ID)
	dst = putString(dst, "name", d.Name)
	dst = putString(dst, "version", d.Version)
	dst = putString(dst, "kind", string(d.Kind))
	dst = putInt(dst, "abi", int64(d.ABI))
	dst = optString(dst, "description", d.Description)
	dst = optString(dst, "homepage", d.Homepage)
	dst = optString(dst, "license", d.License)
	dst = optString(dst, "stability", d.Stability)
	dst = optRaw(dst, "config", d.Config)
	dst = optList(dst, "credential", d.Credential, appendCredentialField)
	dst = putCapabilities(dst, &d.Capabilities)
	dst = optBool(dst, "long_text", d.LongText)
	dst = optBool(dst, "any_id", d.AnyID)
	dst = optList(dst, "functions", d.Functions, func(dst []byte, f *abi.Function) []byte { return scan.AppendString(dst, string(*f)) })
	return scan.CloseObject(dst, start)
}

func appendCredentialField(dst []byte, d *abi.CredentialField) []byte {
	start := len(dst)
	dst = putString(dst, "name", d.Name)
	dst = optString(dst, "description", d.Description)
	dst = optBool(dst, "optional", d.Optional)
	return scan.CloseObject(dst, start)
}

func putCapabilities(dst []byte, d *abi.Capabilities) []byte {
	dst = scan.AppendName(dst, "capabilities")
	start := len(dst)
	dst = optList(dst, "hosts", d.Hosts, appendStringElement)
	dst = optBool(dst, "stream", d.Stream)
	dst = optBool(dst, "rewrite", d.Rewrite)
	dst = optInt(dst, "hold", int64(d.Hold))
	return scan.CloseObject(dst, start)
}
