// Command generate writes the Go code of a proto file beside it. It stands in
// for protoc: the compiler is a Go library and the generators are tools of
// go.mod, so that everybody who can build the gateway writes the same bytes.
//
//	generate ROOT FILE    FILE is a path below ROOT, the module's root
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: generate ROOT FILE")
		os.Exit(2)
	}
	if err := write(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func write(ctx context.Context, root, file string) error {
	written, err := generate(ctx, root, file)
	if err != nil {
		return err
	}
	for _, f := range written {
		if err := os.WriteFile(filepath.Join(root, f.GetName()), []byte(f.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate compiles one file, which imports no other, and returns what both
// generators make of it; names are below root.
func generate(ctx context.Context, root, file string) ([]*pluginpb.CodeGeneratorResponse_File, error) {
	compiler := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{root}},
		SourceInfoMode: protocompile.SourceInfoStandard, // the comments
	}
	compiled, err := compiler.Compile(ctx, file)
	if err != nil {
		return nil, err
	}
	request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{file},
		Parameter:      proto.String("paths=source_relative"),
		ProtoFile:      []*descriptorpb.FileDescriptorProto{protodesc.ToFileDescriptorProto(compiled[0])},
	})
	if err != nil {
		return nil, err
	}
	var files []*pluginpb.CodeGeneratorResponse_File
	for _, generator := range []string{"protoc-gen-go", "protoc-gen-go-grpc"} {
		response, err := run(ctx, generator, request)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", generator, err)
		}
		files = append(files, response.File...)
	}
	return files, nil
}

func run(ctx context.Context, generator string, request []byte) (*pluginpb.CodeGeneratorResponse, error) {
	tool := exec.CommandContext(ctx, "go", "tool", generator)
	tool.Stdin, tool.Stderr = bytes.NewReader(request), os.Stderr
	out, err := tool.Output()
	if err != nil {
		return nil, err
	}
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(out, response); err != nil {
		return nil, err
	}
	if response.Error != nil {
		return nil, errors.New(response.GetError())
	}
	return response, nil
}
