package streams

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ConnectOptions describe a connection. The zero value connects to a server without credentials.
type ConnectOptions struct {
	// Name shows in the server's list of connections: "sluice judge".
	Name string
	// InProcess, where set, is the server in this process to use instead of a URL.
	InProcess *Server
	// Role, where set, is the part that the connection plays: replies come to that role's inbox.
	Role Role
	// User and Password, where set, go before those of the URL.
	User, Password string
	// CredentialsFile is a NATS .creds file; CAFile, CertFile and KeyFile are for TLS. Empty: none.
	CredentialsFile           string
	CAFile, CertFile, KeyFile string
	// Wait keeps trying where the server is not there yet, instead of failing at once.
	Wait bool
	// OnRefused hears of what the server's permissions do not allow; it must not block. Nil: Log does.
	OnRefused func(*PermissionError)
	// Log hears of lost and found connections; nil: nobody does. It never hears a credential.
	Log *slog.Logger
}

// Connect opens a connection that reconnects for ever. The caller closes it. A failure names the server
// without its user or password.
func Connect(server string, o ConnectOptions) (*nats.Conn, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if o.InProcess != nil {
		server = strings.Replace(server, "tls://", "nats://", 1) // nobody listens in between
	}
	nc, err := nats.Connect(server, o.options(log)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", redacted(server), err)
	}
	return nc, nil
}

// options are o in the client library's words.
func (o ConnectOptions) options(log *slog.Logger) []nats.Option {
	opts := []nats.Option{
		nats.Name(o.Name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(3),
		nats.RetryOnFailedConnect(o.Wait),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("NATS connection lost; reconnecting", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("NATS connection is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if e := Refused(err, o.Role); e != nil && o.OnRefused != nil {
				o.OnRefused(e)
				return
			}
			log.Warn("NATS reports a fault", "error", err)
		}),
	}
	if o.Role != "" {
		opts = append(opts, nats.CustomInboxPrefix(InboxPrefix(o.Role)))
	}
	if o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	if o.InProcess != nil {
		opts = append(opts, nats.InProcessServer(o.InProcess.s))
	}
	if o.CredentialsFile != "" {
		opts = append(opts, nats.UserCredentials(o.CredentialsFile))
	}
	if o.CAFile != "" {
		opts = append(opts, nats.RootCAs(o.CAFile))
	}
	if o.CertFile != "" {
		opts = append(opts, nats.ClientCert(o.CertFile, o.KeyFile))
	}
	return opts
}

// JetStream opens the log on a connection.
func JetStream(nc *nats.Conn) (jetstream.JetStream, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("JetStream: %w", err)
	}
	return js, nil
}

// redacted is the URL without user and password.
func redacted(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return "the given URL"
	}
	u.User = nil
	return u.String()
}
