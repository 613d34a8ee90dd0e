//go:build unix

package servers

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Cluster is a Redis Cluster of three masters without replicas. Every slot is served as long as all of them run; when
// one does not, the others refuse all commands (cluster-require-full-coverage is Redis's default, yes).
type Cluster struct {
	// Nodes are the masters. Their slots are, in this order, 0-5460, 5461-10922 and 10923-16383.
	Nodes []*Server

	t T
}

// RedisCluster starts a Redis Cluster and returns when all of its nodes serve all slots.
func RedisCluster(t T) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	for range 3 {
		c.Nodes = append(c.Nodes, must(t, redis(func(s *Server) []string {
			return []string{
				"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
				"--cluster-port", strconv.Itoa(s.ports[1]), "--cluster-node-timeout", "2000",
			}
		}, "")))
	}
	if err := c.form(); err != nil {
		t.Fatalf("cannot form a Redis Cluster: %v", err)
	}
	c.Wait()
	return c
}

// form gives each node its slots and has them meet.
func (c *Cluster) form() error {
	const slots = 16384
	first := c.Nodes[0]
	for i, node := range c.Nodes {
		from, to := i*slots/len(c.Nodes), (i+1)*slots/len(c.Nodes)-1
		for _, command := range [][]string{
			{"CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i + 1)},
			{"CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to)},
			{"CLUSTER", "MEET", loopback, strconv.Itoa(first.ports[0]), strconv.Itoa(first.ports[1])},
		} {
			if i == 0 && command[1] == "MEET" {
				continue
			}
			if _, err := redisDo(context.Background(), node.Addr(), "", command...); err != nil {
				return fmt.Errorf("%s %s: %w", command[0], command[1], err)
			}
		}
	}
	return nil
}

// Addrs returns the addresses of the nodes.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.Addr()
	}
	return addrs
}

// Wait returns when all nodes say that all of them serve all slots. That takes a node that has been started again, and
// the others, some seconds.
func (c *Cluster) Wait() {
	c.t.Helper()
	var err error
	if !poll(startLimit, func() bool {
		for _, node := range c.Nodes {
			if err = clusterOK(node.Addr()); err != nil {
				return false
			}
		}
		return true
	}) {
		c.t.Fatalf("the Redis Cluster does not become ready: %v", err)
	}
}

func clusterOK(addr string) error {
	info, err := redisDo(context.Background(), addr, "", "CLUSTER", "INFO")
	if err != nil {
		return err
	}
	for _, want := range []string{"cluster_state:ok\r\n", "cluster_slots_ok:16384\r\n", "cluster_known_nodes:3\r\n"} {
		if !strings.Contains(info, want) {
			return fmt.Errorf("no %q in CLUSTER INFO: %q", want, info)
		}
	}
	return nil
}
