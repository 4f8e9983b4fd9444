package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokligence/gateway/core"
	"github.com/tokligence/gateway/core/adminapi"
	"github.com/tokligence/gateway/core/config"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/httpapi"
	"github.com/tokligence/gateway/core/keys"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/ledger/prices"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/core/obs"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/core/store"
	"github.com/tokligence/gateway/core/upstream"
)

// Main is the gateway as a program: the only place that knows all packages.
type Main struct {
	ConfigPath string
	LogLevel   slog.Level
	Stdout     io.Writer
	Stderr     io.Writer
	Env        func(string) (string, bool)

	config    *config.Config
	lines     *obs.Lines
	log       *slog.Logger
	store     *store.Store
	ledger    *ledger.Ledger
	keys      *keys.Service
	client    upstream.Client
	loader    *plugin.Loader
	book      *prices.Book
	states    routing.States
	exchanger *exchange.Exchanger
	metrics   *obs.Metrics
	server    *httpapi.Server

	reloading sync.Mutex // one configuration at a time
}

func serveCommand() *cobra.Command {
	m := &Main{Env: os.LookupEnv}
	var level string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the gateway",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := m.LogLevel.UnmarshalText([]byte(level)); err != nil {
				return fmt.Errorf("--log-level: %w", err)
			}
			m.Stdout, m.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return m.Run(ctx)
		},
	}
	cmd.Flags().StringVarP(&m.ConfigPath, "config", "c", "gateway.toml", "configuration file")
	cmd.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

// Run serves until ctx ends, then drains and closes everything.
func (m *Main) Run(ctx context.Context) (err error) {
	m.log = m.logger()
	defer func() {
		if cerr := m.close(); err == nil {
			err = cerr
		}
	}()
	if err := m.open(ctx); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", m.config.Server.Listen)
	if err != nil {
		return fmt.Errorf("server.listen: %w", err)
	}
	if err := m.firstKey(ctx); err != nil {
		listener.Close()
		return err
	}
	m.log.Info("serving", "address", listener.Addr().String(), "version", version)
	return m.serve(ctx, listener)
}

func (m *Main) logger() *slog.Logger {
	m.lines = obs.NewLines(m.Stderr)
	return obs.NewLogger(m.lines, m.LogLevel)
}

// open reads the configuration and builds everything that serves it.
func (m *Main) open(ctx context.Context) error {
	c, err := m.load()
	if err != nil {
		return err
	}
	m.config = c
	if m.store, err = store.Open(ctx, c.Storage.URL, time.Now); err != nil {
		return err
	}
	m.ledger, err = ledger.Open(ctx, m.store, ledger.Options{NodeID: "single", Durability: string(c.Ledger.Durability), Now: time.Now, Log: m.log})
	if err != nil {
		return err
	}
	if m.book, err = prices.Catalogue(); err != nil {
		return err
	}
	m.keys = keys.New(m.store, m.store, time.Now)
	m.client = upstream.New(upstream.Options{})
	m.loader = newLoader(m.log, m.cacheDir())
	m.metrics = obs.NewMetrics()
	m.metrics.Register(obs.PluginCollector(m.loader))
	m.metrics.Register(obs.LedgerCollector(m.ledger))
	m.exchanger = exchange.New(exchange.Options{Ledger: m.ledger, Limiter: limit.New(), Upstream: m.client, Log: m.log, Now: time.Now,
		Observe: &obs.Observer{Metrics: m.metrics, Lines: m.lines, Level: m.LogLevel}, RefuseUnpriced: c.Ledger.Unpriced == config.UnpricedRefuse,
		DefaultMaxOutput: c.Ledger.DefaultMaxOutput, Cooldown: c.Routing.Cooldown})
	snap, err := m.build(ctx, c)
	if err != nil {
		return err
	}
	m.exchanger.Swap(snap)
	// Compiling plugins takes memory that serving does not need.
	debug.FreeOSMemory()
	return nil
}

// load reads the configuration; its error lists every problem.
func (m *Main) load() (*config.Config, error) {
	c, problems := config.Load(m.ConfigPath, m.Env)
	for _, p := range problems {
		if config.HasErrors([]config.Problem{p}) {
			fmt.Fprintln(m.Stderr, p)
		} else {
			m.log.Warn(p.Message, "key", p.Path)
		}
	}
	if config.HasErrors(problems) {
		return nil, fmt.Errorf("%s is not valid", m.ConfigPath)
	}
	return c, nil
}

// cacheDir is where compiled plugins are kept: beside the database.
func (m *Main) cacheDir() string {
	path, ok := strings.CutPrefix(m.config.Storage.URL, "sqlite://")
	if !ok {
		path = "data/x"
	}
	path, _, _ = strings.Cut(path, "?")
	return filepath.Join(filepath.Dir(path), "plugin-cache")
}

// firstKey makes the admin key of an empty store and tells it once.
func (m *Main) firstKey(ctx context.Context) error {
	n, err := m.keys.Count(ctx)
	if err != nil || n > 0 {
		return err
	}
	given, _ := m.Env("TOKLIGENCE_ADMIN_KEY")
	_, secret, err := m.keys.Create(ctx, keys.Spec{Name: "first admin", Role: core.RoleAdmin, AllModels: true, Secret: given})
	if err != nil {
		return fmt.Errorf("first admin key: %w", err)
	}
	if given != "" {
		return nil
	}
	fmt.Fprintf(m.Stdout, "\n  Admin key, shown this once:  %s\n\n  Try it:\n  curl http://%s/v1/chat/completions -H 'Authorization: Bearer %s' \\\n    -d '{\"model\": \"echo\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}'\n\n",
		secret, m.config.Server.Listen, secret)
	return nil
}

// serve answers requests until ctx ends, and reloads on SIGHUP.
func (m *Main) serve(ctx context.Context, listener net.Listener) error {
	admin := adminapi.New(adminapi.Deps{Keys: m.keys, Store: m.store, Ledger: m.ledger, Runtime: (*runtime)(m), Now: time.Now, Log: m.log})
	m.server = httpapi.NewServer(httpapi.Options{Exchange: m.exchanger, Keys: m.keys, MaxBody: m.config.Server.MaxBody, Now: time.Now, Log: m.log,
		Ready: m.ready, Metrics: m.metrics.Handler(), Admin: admin})
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	ended := make(chan error, 1)
	go func() { ended <- m.listen(listener) }()
	for {
		select {
		case <-hangup:
			m.Reload(ctx)
		case err := <-ended:
			return err
		case <-ctx.Done():
			return m.drain(ended)
		}
	}
}

func (m *Main) listen(l net.Listener) error {
	s := m.config.Server
	if s.TLSCert == "" {
		return m.server.Serve(l)
	}
	return m.server.ServeTLS(l, s.TLSCert, s.TLSKey)
}

// drain lets running exchanges finish, for as long as the configuration allows,
// and then cuts what is left.
func (m *Main) drain(ended <-chan error) error {
	m.log.Info("stopping", "drain_timeout", m.config.Server.DrainTimeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), m.config.Server.DrainTimeout)
	defer cancel()
	err := m.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		m.log.Warn("some exchanges were cut")
		err = m.server.Close()
	}
	<-ended
	return err
}

// Reload puts the configuration as it is on disk in force, without failing a
// request. A faulty one changes nothing.
func (m *Main) Reload(ctx context.Context) {
	m.reloading.Lock()
	defer m.reloading.Unlock()
	c, err := m.load()
	var snap *exchange.Snapshot
	if err == nil {
		snap, err = m.build(ctx, c)
	}
	if err != nil {
		m.log.Error("the configuration was not reloaded; the old one stays in force", "error", err)
		return
	}
	m.exchanger.Swap(snap)
	m.log.Info("configuration reloaded; [server], [storage] and [ledger] take effect at the next start")
}

// ready names what keeps the gateway from serving.
func (m *Main) ready(ctx context.Context) (missing []string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := m.store.Ping(ctx); err != nil {
		missing = append(missing, "the store does not answer")
	}
	if !m.ledger.Stats().Healthy {
		missing = append(missing, "the ledger cannot be written")
	}
	return missing
}

// close ends what open began, in the order in which it is used.
func (m *Main) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	if m.client != nil {
		m.client.Close()
	}
	if m.ledger != nil {
		errs = append(errs, m.ledger.Close(ctx))
	}
	if m.loader != nil {
		errs = append(errs, m.loader.Close(ctx))
	}
	if m.store != nil {
		errs = append(errs, m.store.Close())
	}
	return errors.Join(errs...)
}
