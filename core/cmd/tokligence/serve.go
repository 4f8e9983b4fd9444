package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
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
	"github.com/tokligence/gateway/core/events"
	"github.com/tokligence/gateway/core/exchange"
	"github.com/tokligence/gateway/core/httpapi"
	"github.com/tokligence/gateway/core/kept"
	"github.com/tokligence/gateway/core/keys"
	"github.com/tokligence/gateway/core/ledger"
	"github.com/tokligence/gateway/core/ledger/prices"
	"github.com/tokligence/gateway/core/limit"
	"github.com/tokligence/gateway/core/obs"
	"github.com/tokligence/gateway/core/plugin"
	"github.com/tokligence/gateway/core/revision"
	"github.com/tokligence/gateway/core/routing"
	"github.com/tokligence/gateway/core/seal"
	"github.com/tokligence/gateway/core/signin"
	"github.com/tokligence/gateway/core/store"
	"github.com/tokligence/gateway/core/upstream"
	"github.com/tokligence/gateway/web"
)

// Main is the gateway as a program: the only place that knows all packages.
type Main struct {
	ConfigPath string
	LogLevel   slog.Level
	Stdout     io.Writer
	Stderr     io.Writer
	Env        func(string) (string, bool)
	Watch      bool   // reload when the configuration is saved
	Stopping   func() // called when the context of Run has ended, before anything else; may be nil

	config    *config.Config
	lines     *obs.Lines
	log       *slog.Logger
	store     *store.Store
	sealer    *seal.Ring
	ledger    *ledger.Ledger
	keys      *keys.Service
	client    upstream.Client
	loader    *plugin.Loader
	book      *prices.Book
	states    routing.States
	events    *events.Service
	kept      *kept.Keeper // of responses; nil keeps none
	exchanger *exchange.Exchanger
	metrics   *obs.Metrics
	server    *httpapi.Server
	signin    *signin.Service
	tokens    tokenIssuers

	watching   sync.WaitGroup     // of what other gateways change
	unwatch    context.CancelFunc // nil before it began
	overthrown error              // by another gateway that owns the database now

	revisions *revision.Revisions
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
			m.Stopping = stop // a second signal ends the process at once: what is committed stays
			return m.Run(ctx)
		},
	}
	cmd.Flags().StringVarP(&m.ConfigPath, "config", "c", "gateway.toml", "configuration file")
	cmd.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	cmd.Flags().BoolVar(&m.Watch, "watch", true, "put the configuration in force whenever it is saved; without it at SIGHUP only")
	return cmd
}

// Run serves until ctx ends, then drains and closes everything.
func (m *Main) Run(ctx context.Context) (err error) {
	m.log = m.logger()
	hangup := make(chan os.Signal, 1) // from the start on: what is not caught ends the process
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
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
	return m.serve(ctx, listener, hangup)
}

func (m *Main) logger() *slog.Logger {
	m.lines = obs.NewLines(m.Stderr)
	return obs.NewLogger(m.lines, m.LogLevel)
}

// open reads the configuration and builds everything that serves it.
func (m *Main) open(ctx context.Context) error {
	c, problems := config.Load(m.ConfigPath, m.Env) // which says where the store is
	if c == nil {
		return m.invalid(problems)
	}
	m.config = c
	var err error
	if m.store, err = store.Open(ctx, c.Storage.URL, time.Now); err != nil {
		return err
	}
	m.store.LogTo(m.log)
	if err := m.store.Own(); err != nil {
		return err
	}
	if m.sealer, err = m.openSealer(ctx); err != nil {
		return err
	}
	m.ledger, err = ledger.Open(ctx, m.store, ledger.Options{NodeID: "single", Durability: string(c.Ledger.Durability), Notice: m.tellOfBudget, Now: time.Now, Log: m.log})
	if err != nil {
		return err
	}
	m.book = prices.Catalogue()
	m.keys = keys.New(m.store, m.store, time.Now)
	m.keys.FileGroup, m.keys.Tokens = m.fileGroup, &m.tokens
	m.client = upstream.New(upstream.Options{Reach: &c.Security.Reach})
	m.loader = newLoader(m.log, m.cacheDir())
	m.metrics = obs.NewMetrics()
	m.metrics.Register(obs.PluginCollector(m.loader))
	m.metrics.Register(obs.LedgerCollector(m.ledger))
	m.revisions = revision.New(revision.Options{Path: m.ConfigPath, Env: m.Env, Now: time.Now, Log: m.log, Store: m.store, Sealer: m.sealer, Build: m.built})
	m.metrics.Register(obs.ConfigCollector(func() (bool, int64, int64) {
		s := m.revisions.State()
		return !s.Stale, m.revisions.Applied(), s.Revision
	}))
	if err := m.openEvents(c); err != nil {
		return err
	}
	m.openSignIn(c)
	m.kept = m.keeper(c)
	m.exchanger = exchange.New(exchange.Options{Ledger: m.ledger, Kept: m.kept, Limiter: limit.New(), Upstream: m.client, Log: m.log, Now: time.Now,
		Observe: &obs.Observer{Metrics: m.metrics, Lines: m.lines, Level: m.LogLevel, Unpriced: m.events.PriceMissing}, RefuseUnpriced: c.Ledger.Unpriced == config.UnpricedRefuse,
		DefaultMaxOutput: c.Ledger.DefaultMaxOutput})
	if err := m.revisions.Start(ctx); err != nil {
		return m.notStarted(err)
	}
	m.watch()
	return nil
}

// settleDown gives memory back that starting takes and serving does not need.
func (m *Main) settleDown() {
	debug.FreeOSMemory()
	if err := freePages(); err != nil {
		m.log.Debug("memory of the start is kept", "error", err)
	}
}

// watch heeds what other gateways change in the database, until close.
func (m *Main) watch() {
	ctx, stop := context.WithCancel(context.Background())
	m.unwatch = stop
	if m.kept != nil {
		m.watching.Go(func() { m.kept.Run(ctx) })
	}
	m.watching.Go(func() {
		m.store.Notices(ctx, func(kind core.NoticeKind) {
			switch kind {
			case core.NoticeKeys:
				m.keys.Forget()
			case core.NoticeConfig:
				m.follow(ctx)
			}
		})
	})
}

// cacheDir is where compiled plugins are kept: beside the database where it is a
// file, else where that would be by default.
func (m *Main) cacheDir() string {
	file, ok := databaseFile(m.config.Storage.URL)
	if !ok {
		file = "data/x"
	}
	return filepath.Join(filepath.Dir(file), "plugin-cache")
}

// databaseFile is where the database is; not ok when it is no file.
func databaseFile(url string) (path string, ok bool) {
	path, ok = strings.CutPrefix(url, "sqlite://")
	path, _, _ = strings.Cut(path, "?")
	return path, ok
}

// adminKeyVariable holds the first admin key, if an operator brings one along.
const adminKeyVariable = "TOKLIGENCE_ADMIN_KEY"

// nowhere is where the gateway itself looks at a key from. A key that is bound
// to addresses is then denied, and so is known to be right otherwise.
func nowhere() netip.Addr { return netip.Addr{} }

// firstKey makes the admin key of an empty store and tells it once, with the
// way for a person to become an owner. A key that was brought along can invite one.
func (m *Main) firstKey(ctx context.Context) error {
	n, err := m.keys.Count(ctx)
	if err != nil {
		return err
	}
	given, _ := m.Env(adminKeyVariable)
	if n > 0 {
		if given != "" {
			if _, err := m.keys.Authenticate(ctx, given, nowhere, time.Now()); err != nil && core.AsError(err).Code != core.CodePermissionDenied {
				m.log.Warn("the key in "+adminKeyVariable+" does not work here: only an empty store takes it over", "error", err)
			}
		}
		return nil
	}
	k, secret, err := m.keys.Create(ctx, keys.Spec{Name: "first admin", Role: core.RoleOwner, AllModels: true, Secret: given})
	if err != nil && given != "" {
		return fmt.Errorf("%s: %w", adminKeyVariable, err)
	}
	if err != nil {
		return fmt.Errorf("first admin key: %w", err)
	}
	if given == "" {
		t, err := m.signin.SignUpTicket(ctx, time.Now())
		if err != nil {
			return fmt.Errorf("first owner: %w", err)
		}
		m.tell(secret, t)
	}
	// Last: whatever becomes of the record, the secret was shown.
	return m.record(ctx, "key.create", core.AuditObject{Kind: "key", Named: core.Named{ID: k.ID, Name: k.Name}}, k)
}

// tell shows the first admin key and what it is good for.
func (m *Main) tell(secret string, t *signin.Ticket) {
	fmt.Fprintf(m.Stdout, "\n  Admin key, shown this once:  %s\n\n  Try it:\n  curl %s/v1/chat/completions -H 'Authorization: Bearer %s' \\\n    -d '{\"model\": \"echo\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}'\n\n",
		secret, ownURL(m.config.Server), secret)
	fmt.Fprint(m.Stdout, signUpHelp(t, ownURL(m.config.Server)))
}

// record puts what the gateway did by itself into the audit log. After is the
// object as it is now, without secrets.
func (m *Main) record(ctx context.Context, action string, object core.AuditObject, after any) error {
	raw, err := json.Marshal(after)
	if err == nil {
		now := time.Now()
		err = m.store.AppendAudit(ctx, &core.AuditRecord{ID: core.NewID(core.PrefixAudit, now), At: now, Action: action,
			Actor: core.AuditActor{Kind: core.ActorSystem}, Object: object, Outcome: core.AuditOK, After: raw})
	}
	if err != nil {
		return fmt.Errorf("audit log: %s: %w", action, err)
	}
	return nil
}

// serve answers requests until ctx ends, and reloads at each hangup.
func (m *Main) serve(ctx context.Context, listener net.Listener, hangup <-chan os.Signal) error {
	admin := adminapi.New(adminapi.Deps{Keys: m.keys, SignIn: m.signin, PublicURL: m.config.Server.PublicURL, TLS: m.config.Server.TLSCert != "", Store: m.store, Ledger: m.ledger, Runtime: (*runtime)(m), Config: m.revisions, Hooks: m.events, Sealer: m.sealer, TrustedProxies: m.config.Server.TrustedProxies, Version: version, Now: time.Now, Log: m.log})
	m.server = httpapi.NewServer(httpapi.Options{Exchange: m.exchanger, Kept: m.kept, Keys: m.keys, MaxBody: m.config.Server.MaxBody, TrustedProxies: m.config.Server.TrustedProxies, Now: time.Now, Log: m.log,
		Ready: m.ready, Notes: m.notes, Metrics: m.metrics.Handler(), Admin: admin, Pages: web.Entry()})
	telling, stop := context.WithCancel(context.WithoutCancel(ctx)) // to the end: stopping is no reason to be silent
	told := make(chan struct{})
	go func() { m.events.Run(telling); close(told) }()
	defer func() { stop(); <-told }()
	m.settleDown()
	ended := make(chan error, 1)
	go func() { ended <- m.listen(listener) }()
	saved, unwatch := m.watchFiles(ctx)
	defer unwatch()
	for {
		select {
		case <-hangup:
			m.Reload(ctx)
		case <-saved:
			m.Reload(ctx)
		case err := <-ended:
			return err
		case m.overthrown = <-m.store.Lost():
			m.log.Error("the gateway ends", "error", m.overthrown)
			m.server.Cut()
			return errors.Join(m.overthrown, m.server.Close(), <-ended)
		case <-ctx.Done():
			if m.Stopping != nil {
				m.Stopping()
			}
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

// cutGrace is how long exchanges that were cut may take to tell their clients
// and to be settled.
const cutGrace = 5 * time.Second

// tellGrace is how long a stopping gateway waits for webhooks to answer. What
// they have not answered by then is told again after the next start.
const tellGrace = 5 * time.Second

// drain refuses new exchanges and lets running ones finish, for as long as the
// configuration allows; it then cuts what is left.
func (m *Main) drain(ended <-chan error) error {
	limit := m.config.Server.DrainTimeout
	m.log.Info("stopping", "drain_timeout", limit.String())
	idle := m.server.Refuse()
	if !closes(idle, limit) {
		m.log.Warn("some exchanges are cut")
		m.server.Cut()
		closes(idle, cutGrace)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := m.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // idle connections, or a long export
		err = m.server.Close()
	}
	<-ended
	return err
}

// closes reports whether done closes before the limit.
func closes(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
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
	limit := 30 * time.Second
	if m.overthrown != nil { // nothing can be written
		limit = time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var errs []error
	if m.unwatch != nil {
		m.unwatch()
		m.watching.Wait()
	}
	if m.signin != nil {
		m.signin.Close()
	}
	if m.events != nil {
		within, cancel := context.WithTimeout(ctx, tellGrace)
		errs = append(errs, m.events.Close(within))
		cancel()
	}
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
	m.lines.Close()
	return errors.Join(errs...)
}
