package natstest

import (
	"crypto/rand"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// Cluster is servers on loopback that replicate one log.
type Cluster struct {
	t     testing.TB
	nodes []*Server
}

// StartCluster starts n servers that form one cluster. Streams can be applied at once: streams.Apply
// waits for the cluster's leader.
func StartCluster(tb testing.TB, n int) *Cluster {
	tb.Helper()
	ports := make([]int, n)
	routes := make([]string, n)
	for i := range n {
		ports[i] = FreePort(tb)
		routes[i] = "nats-route://" + net.JoinHostPort("127.0.0.1", itoa(ports[i]))
	}
	c, name := &Cluster{t: tb}, ClusterName()
	for i := range n {
		c.nodes = append(c.nodes, StartWith(tb, streams.ServerOptions{
			Name:    "n" + itoa(i+1),
			Cluster: &streams.ClusterOptions{Name: name, Port: ports[i], Routes: routes},
		}))
	}
	return c
}

// ClusterName is one that no other cluster has: a server refuses routes of servers whose cluster has another name, so
// that those of tests which run at one time, and come by one another's ports, never meet.
func ClusterName() string { return "test-" + rand.Text() }

// Node is server i, counted from 0; stop it and start it again.
func (c *Cluster) Node(i int) *Server { return c.nodes[i] }

// URL lists every node.
func (c *Cluster) URL() string {
	urls := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		urls[i] = n.URL()
	}
	return strings.Join(urls, ",")
}

// Connect opens a connection that any node may serve, closed with the test.
func (c *Cluster) Connect() *nats.Conn {
	c.t.Helper()
	return connect(c.t, c.URL())
}

// JetStream opens the log on a connection of its own.
func (c *Cluster) JetStream() jetstream.JetStream {
	c.t.Helper()
	return jetStream(c.t, c.Connect())
}

// Options are streams of three replicas.
func (c *Cluster) Options() streams.Options {
	o := Options()
	o.Replicas = len(c.nodes)
	return o
}

func itoa(n int) string { return strconv.Itoa(n) }
