package chaos

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/natstest"
	"sluice/internal/process"
)

// natsNode is one NATS server process, which comes back on the same ports and files.
type natsNode struct {
	name  string
	spec  process.Spec
	child *process.Child
	port  int
}

// startNATS starts a cluster of n servers, or one that stands alone.
func startNATS(t *testing.T, n int) []*natsNode {
	t.Helper()
	ports := make([]int, 2*n)
	for i := range ports {
		ports[i] = natstest.FreePort(t)
	}
	routes := make([]string, n)
	for i := range routes {
		routes[i] = fmt.Sprintf("nats-route://127.0.0.1:%d", ports[n+i])
	}
	nodes, cluster := make([]*natsNode, n), natstest.ClusterName()
	for i := range nodes {
		name := fmt.Sprintf("n%d", i+1)
		args := []string{
			"-a", "127.0.0.1", "-p", strconv.Itoa(ports[i]), "-n", name,
			"-js", "-sd", filepath.Join(t.TempDir(), "jetstream"),
		}
		if n > 1 {
			args = append(args, "--cluster_name", cluster, "--cluster", "nats://127.0.0.1:"+strconv.Itoa(ports[n+i]),
				"--routes", strings.Join(routes, ","))
		}
		nodes[i] = &natsNode{
			name: name,
			port: ports[i],
			spec: process.Spec{Name: "nats-server " + name, Path: binaries.NATSServer(t), Args: args},
		}
		nodes[i].start(t)
	}
	return nodes
}

func (n *natsNode) start(t *testing.T) {
	t.Helper()
	n.child = process.Start(t, n.spec)
	if err := n.child.WaitFor(t.Context(), "Server is ready"); err != nil {
		t.Fatal(err)
	}
}

func (n *natsNode) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", n.port) }

// urls joins the servers' addresses as NATS_URL wants them.
func urls(nodes []*natsNode) string {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = n.url()
	}
	return strings.Join(all, ",")
}
