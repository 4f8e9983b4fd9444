package wire

import (
	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/abi/scan"
)

// AppendError appends d to dst.
func AppendError(dst []byte, d *abi.Error) []byte {
	start := len(dst)
	dst = putString(dst, "code", string(d.Code))
	dst = putString(dst, "message", d.Message)
	dst = optString(dst, "param", d.Param)
	return scan.CloseObject(dst, start)
}

// ParseError reads b into d.
func ParseError(b []byte, d *abi.Error) error {
	old := *d
	*d = abi.Error{}
	return members(b, func(key, v []byte) error {
		switch string(key) {
		case "code":
			return setString(&d.Code, old.Code, v)
		case "message":
			return setString(&d.Message, old.Message, v)
		case "param":
			return setString(&d.Param, old.Param, v)
		}
		return nil
	})
}

// AppendConfigureRequest appends d to dst.
func AppendConfigureRequest(dst []byte, d *abi.ConfigureRequest) []byte {
	start := len(dst)
	return scan.CloseObject(putRaw(dst, "config", d.Config), start)
}

// ParseConfigureRequest reads b into d.
func ParseConfigureRequest(b []byte, d *abi.ConfigureRequest) error {
	*d = abi.ConfigureRequest{}
	return members(b, func(key, v []byte) error {
		if string(key) == "config" {
			d.Config = abi.Raw(v)
		}
		return nil
	})
}

// AppendConfigureReply appends d to dst.
func AppendConfigureReply(dst []byte, d *abi.ConfigureReply) []byte {
	start := len(dst)
	return scan.CloseObject(optList(dst, "problems", d.Problems, appendProblem), start)
}

func appendProblem(dst []byte, p *abi.Problem) []byte {
	start := len(dst)
	dst = putString(dst, "path", p.Path)
	dst = putString(dst, "message", p.Message)
	return scan.CloseObject(dst, start)
}

// ParseConfigureReply reads b into d.
func ParseConfigureReply(b []byte, d *abi.ConfigureReply) error {
	old := *d
	*d = abi.ConfigureReply{}
	return members(b, func(key, v []byte) error {
		if string(key) == "problems" {
			return setList(&d.Problems, old.Problems, v, parseProblem)
		}
		return nil
	})
}

func parseProblem(p *abi.Problem, v []byte) error {
	old := *p
	*p = abi.Problem{}
	return members(v, func(key, v []byte) error {
		switch string(key) {
		case "path":
			return setString(&p.Path, old.Path, v)
		case "message":
			return setString(&p.Message, old.Message, v)
		}
		return nil
	})
}
