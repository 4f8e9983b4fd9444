package upstream_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/sse"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/pdk/abi"
)

// benchServer in the environment makes this program the vendor of the
// benchmarks: in a process of its own, it costs the clients no processor time.
const benchServer = "UPSTREAM_BENCH_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) != "" {
		serveBench()
	}
	os.Exit(m.Run())
}

const benchChunks = 100

func serveBench() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	go func() { // the parent's end is the child's
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	whole := "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_0123456789\r\ncontent-length: 1024\r\n\r\n" + strings.Repeat("x", 1024)
	event := "data: " + strings.Repeat("y", 192) + "\n\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(event), event)
	head := "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
	for {
		c, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		go answerBench(c, whole, head, chunk)
	}
}

func answerBench(c net.Conn, whole, head, chunk string) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		first, err := r.ReadString('\n')
		if err != nil {
			return
		}
		size := 0
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
			_, _ = fmt.Sscanf(strings.ToLower(line), "content-length: %d", &size)
		}
		if _, err := r.Discard(size); err != nil {
			return
		}
		if !strings.Contains(first, "/stream") {
			_, _ = io.WriteString(c, whole)
			continue
		}
		_, _ = io.WriteString(c, head)
		for range benchChunks {
			_, _ = io.WriteString(c, chunk)
		}
		_, _ = io.WriteString(c, "0\r\n\r\n")
	}
}

func startBench(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchServer+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(addr)
}

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var benchBody = bytes.Repeat([]byte("z"), 1024)

// benchClients make one request each and read the answer to its end.
func benchClients(url string) map[string]func(ctx context.Context) error {
	ours := upstream.New(upstream.Options{})
	cred := &core.Credential{Fields: map[string]string{"api_key": "sk-0123456789"}}
	headers := []upstream.Header{{Name: "content-type", Value: "application/json"}, {Name: "accept", Value: "application/json"}}
	std := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true}}
	return map[string]func(ctx context.Context) error{
		"ours": func(ctx context.Context) error {
			resp, err := ours.Do(ctx, &upstream.Request{Method: "POST", URL: url, Headers: headers, Body: benchBody, AllowPrivate: true,
				Auth: abi.Auth{Scheme: abi.AuthBearer}, Credential: cred, HeadTimeout: time.Minute})
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			resp.Body.SetIdleTimeout(time.Minute)
			_, err = io.Copy(io.Discard, resp.Body)
			return err
		},
		"nethttp": func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(benchBody))
			if err != nil {
				return err
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Bearer sk-0123456789")
			resp, err := std.Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.Copy(io.Discard, resp.Body)
			return err
		},
	}
}

// BenchmarkClients measures processor time of this process: cpu-ns/op.
func BenchmarkClients(b *testing.B) {
	addr := startBench(b)
	for _, path := range []string{"whole", "stream"} {
		clients := benchClients("http://" + addr + "/" + path)
		for _, name := range []string{"ours", "nethttp"} {
			for _, parallel := range []int{1, 32} {
				b.Run(fmt.Sprintf("%s/%s/%d", path, name, parallel), func(b *testing.B) {
					benchParallel(b, parallel, clients[name])
				})
			}
		}
	}
}

func benchParallel(b *testing.B, parallel int, do func(context.Context) error) {
	b.ReportAllocs()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	each := func(n int) {
		var wg sync.WaitGroup
		for g := range parallel {
			wg.Go(func() {
				for i := g; i < n; i += parallel {
					// A gateway has a context for each request.
					ctx, done := context.WithCancel(ctx)
					if err := do(ctx); err != nil {
						b.Error(err)
					}
					done()
				}
			})
		}
		wg.Wait()
	}
	each(4 * parallel)
	b.ResetTimer()
	before := processorTime()
	each(b.N)
	b.ReportMetric(float64(processorTime()-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkEvents reads the 100-event stream through body and event reader.
func BenchmarkEvents(b *testing.B) {
	addr := startBench(b)
	client := upstream.New(upstream.Options{})
	defer client.Close()
	r := &upstream.Request{Method: "POST", URL: "http://" + addr + "/stream", Body: benchBody, AllowPrivate: true}
	before := processorTime()
	b.ReportAllocs()
	for b.Loop() {
		resp, err := client.Do(b.Context(), r)
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.SetIdleTimeout(time.Minute)
		events := upstream.Events(abi.FramingSSE, resp.Body, 1<<20)
		n := 0
		var e sse.Event
		for ; err == nil; n++ {
			e, err = events.Next()
		}
		if err != io.EOF || n != benchChunks+1 || len(e.Data) != 0 {
			b.Fatal(n, err)
		}
		resp.Body.Close()
	}
	b.ReportMetric(float64(processorTime()-before)/float64(b.N), "cpu-ns/op")
}
