package streams_test

import (
	"crypto/x509"
	"testing"

	"sluice/internal/natstest"
	"sluice/streams"
)

func tryConnect(t *testing.T, url string, o streams.ConnectOptions) error {
	t.Helper()
	nc, err := streams.Connect(url, o)
	if err == nil {
		_, err = nc.RTT()
		nc.Close()
	}
	return err
}

func TestAConnectionByTLSTrustsTheConfiguredAuthorityAlone(t *testing.T) {
	ours, other := natstest.NewAuthority(t), natstest.NewAuthority(t)
	cert, key := ours.Issue("server", x509.ExtKeyUsageServerAuth)
	s := natstest.StartWith(t, streams.ServerOptions{TLS: &streams.ServerTLS{CertFile: cert, KeyFile: key}})
	if err := tryConnect(t, s.URL(), streams.ConnectOptions{CAFile: ours.File}); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	if err := tryConnect(t, s.URL(), streams.ConnectOptions{CAFile: other.File}); err == nil {
		t.Error("a server of another authority is trusted")
	}
}

func TestAServerThatWantsCertificatesLetsInItsAuthoritysAlone(t *testing.T) {
	ours, other := natstest.NewAuthority(t), natstest.NewAuthority(t)
	cert, key := ours.Issue("server", x509.ExtKeyUsageServerAuth)
	s := natstest.StartWith(t, streams.ServerOptions{TLS: &streams.ServerTLS{CertFile: cert, KeyFile: key, ClientCA: ours.File}})
	good, goodKey := ours.Issue("judge", x509.ExtKeyUsageClientAuth)
	bad, badKey := other.Issue("judge", x509.ExtKeyUsageClientAuth)
	if err := tryConnect(t, s.URL(), streams.ConnectOptions{CAFile: ours.File, CertFile: good, KeyFile: goodKey}); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	if err := tryConnect(t, s.URL(), streams.ConnectOptions{CAFile: ours.File}); err == nil {
		t.Error("without a certificate it is let in")
	}
	if err := tryConnect(t, s.URL(), streams.ConnectOptions{CAFile: ours.File, CertFile: bad, KeyFile: badKey}); err == nil {
		t.Error("with another authority's certificate it is let in")
	}
}

func TestAServerWithoutItsFilesDoesNotStart(t *testing.T) {
	_, err := streams.StartServer(t.Context(), streams.ServerOptions{
		StoreDir: t.TempDir(), TLS: &streams.ServerTLS{CertFile: "nowhere.pem", KeyFile: "nowhere.key"},
	})
	if err == nil {
		t.Error("it started")
	}
}
