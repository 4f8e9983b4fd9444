// Rude is a plugin that shakes hands and then answers as no kit does: what an
// inspect call says.
package main

import (
	"context"
	"errors"
	"os"
	"strings"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tokligence/gateway/pdk/abi"
	"github.com/tokligence/gateway/pdk/process"
	"github.com/tokligence/gateway/pdk/process/proto"
)

func main() {
	if strings.HasSuffix(os.Args[0], "in-the-clear") {
		os.Unsetenv("PLUGIN_CLIENT_CERT")
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  process.Handshake,
		VersionedPlugins: map[int]goplugin.PluginSet{abi.Version: {"plugin": side{}}},
		GRPCServer:       goplugin.DefaultGRPCServer,
	})
}

type side struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (side) GRPCServer(_ *goplugin.GRPCBroker, g *grpc.Server) error {
	proto.RegisterPluginServer(g, server{})
	return nil
}

func (side) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("there is no client")
}

type server struct {
	proto.UnimplementedPluginServer
}

// Calls implements proto.PluginServer.
func (server) Calls(calls grpc.BidiStreamingServer[proto.CallRequest, proto.CallReply]) error {
	for {
		r, err := calls.Recv()
		if err != nil {
			return err
		}
		reply := &proto.CallReply{Number: r.Number, Payload: r.Payload}
		switch do := string(r.Payload); {
		case r.Function == string(abi.Describe):
			reply.Payload = []byte(`{"id":"guardrail.rude"}`)
		case r.Function == string(abi.Configure):
			reply.Payload = []byte(`{}`)
		case do == "twice":
			if err := calls.Send(reply); err != nil {
				return err
			}
		case do == "never":
			continue
		case do == "number":
			reply.Number += 7
		case do == "end":
			return nil
		case do == "status":
			return status.Error(codes.FailedPrecondition, "no tea")
		case do == "error without a code":
			reply.Error = &proto.Error{Message: "hm"}
		case do == "error with a payload":
			reply.Error = &proto.Error{Code: "invalid_request", Message: "no"}
		}
		if err := calls.Send(reply); err != nil {
			return err
		}
	}
}
