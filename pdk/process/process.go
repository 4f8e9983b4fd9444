// Package process serves a plugin as a process of its own: for native speed on
// large payloads, for C libraries, GPUs and services that exist already.
//
//	func main() { process.Serve(myplugin.New()) }
//
// The plugin is the same value that pdk.Register makes a wasm module of. The
// gateway starts the program when gateway.toml declares it, as many times as it
// needs parallel calls, and makes one call at a time to each. It ends a process
// whose call panics, exits or passes its deadline, and starts another.
//
// # What is different from wasm
//
// A process is not in a sandbox: it may do whatever the gateway's user may,
// and its memory is not limited. Pin its SHA-256 in gateway.toml, and run only
// programs that you would install on the machine anyway. It gets none of the
// gateway's environment, files or input: only what the handshake needs. What it
// writes to standard error goes to the gateway's log. Programs that it starts end
// with it, but for one that leaves its process group.
//
// # In other languages
//
// The gateway speaks hashicorp/go-plugin's protocol 1 over gRPC. The program
//
//   - refuses to run unless the environment variable [CookieKey] is [CookieValue];
//   - reads the gateway's certificate from PLUGIN_CLIENT_CERT (PEM), makes one of its
//     own for the DNS name localhost, and listens with TLS, requiring the
//     gateway's, on a Unix socket in PLUGIN_UNIX_SOCKET_DIR;
//   - prints "1|<abi>|unix|<socket>|grpc|<its certificate: DER in base64 without padding>" and a
//     newline to standard output, and nothing before it;
//   - serves tokligence.plugin.v1.Plugin (proto/plugin.proto): one reply for each
//     request, with its number;
//   - ends when its standard input ends: the gateway is gone.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tokligence/gateway/pdk/abi"
	pdk "github.com/tokligence/gateway/pdk/go"
	"github.com/tokligence/gateway/pdk/process/proto"
)

// The handshake: that a program is started as a plugin, and not by hand. It is
// no secret and proves nothing; the certificates do.
const (
	CookieKey   = "TOKLIGENCE_PLUGIN"
	CookieValue = "a43ff0fc-92a5-4b7f-9d3c-3a8f0f2a0c55"
)

// service is the plugin's name within go-plugin's set.
const service = "plugin"

// Handshake is what both sides of go-plugin agree on. The protocol's version is
// the ABI's.
var Handshake = goplugin.HandshakeConfig{
	ProtocolVersion:  abi.Version,
	MagicCookieKey:   CookieKey,
	MagicCookieValue: CookieValue,
}

// Serve answers the gateway's calls with p and returns when the gateway is done
// with the process. It takes over standard input and output.
func Serve(p pdk.Plugin) {
	go func() { // the input ends with the gateway, however it ends
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	s := &server{plugin: p, stderr: os.Stderr}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  Handshake,
		VersionedPlugins: map[int]goplugin.PluginSet{abi.Version: {service: &side{server: s}}},
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: os.Stderr}),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			// The gateway has measured what it sends and limits what it receives.
			return grpc.NewServer(append(opts,
				grpc.MaxRecvMsgSize(math.MaxInt32), grpc.MaxSendMsgSize(math.MaxInt32))...)
		},
	})
}

// side is the plugin's side of go-plugin.
type side struct {
	goplugin.NetRPCUnsupportedPlugin
	server *server
}

// GRPCServer implements goplugin.GRPCPlugin.
func (s *side) GRPCServer(_ *goplugin.GRPCBroker, g *grpc.Server) error {
	proto.RegisterPluginServer(g, s.server)
	return nil
}

// GRPCClient implements goplugin.GRPCPlugin; the host has its own.
func (s *side) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plugin's side has no client")
}

// server answers calls one at a time, as pdk.Plugin is promised.
type server struct {
	proto.UnimplementedPluginServer
	plugin pdk.Plugin
	stderr *os.File // the true one
}

// Calls implements proto.PluginServer.
func (s *server) Calls(calls grpc.BidiStreamingServer[proto.CallRequest, proto.CallReply]) error {
	// go-plugin has redirected both into a gRPC stream, which would lose a
	// process's last words.
	os.Stdout, os.Stderr = s.stderr, s.stderr
	for {
		r, err := calls.Recv()
		if err != nil {
			return err
		}
		reply, err := s.call(r)
		if err != nil {
			return err
		}
		reply.Number = r.Number
		if err := calls.Send(reply); err != nil {
			return err
		}
	}
}

// call answers one call. A panic ends the stream with a status, so that the
// host knows its text; the host ends the process then.
func (s *server) call(r *proto.CallRequest) (reply *proto.CallReply, err error) {
	defer func() {
		if e := recover(); e != nil {
			fmt.Fprintf(s.stderr, "panic: %v\n%s", e, debug.Stack())
			reply, err = nil, status.Errorf(codes.Internal, "panic: %v", e)
		}
	}()
	out, err := s.plugin.Call(abi.Function(r.Function), nil, r.Payload)
	if err == nil {
		return &proto.CallReply{Payload: out}, nil
	}
	var refusal *abi.Error
	if !errors.As(err, &refusal) {
		refusal = &abi.Error{Code: abi.PluginFailed, Message: err.Error()}
	}
	return &proto.CallReply{Error: &proto.Error{ // gRPC sends no invalid UTF-8
		Code:    strings.ToValidUTF8(string(refusal.Code), "\uFFFD"),
		Message: strings.ToValidUTF8(refusal.Message, "\uFFFD"),
		Param:   strings.ToValidUTF8(refusal.Param, "\uFFFD"),
	}}, nil
}
