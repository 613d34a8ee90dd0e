//go:build unix

package request

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// client is a browser with one connection, which it keeps, and one session.
type client struct {
	transport *http.Transport
	request   *http.Request
	took      []time.Duration
	err       error
}

func newClient(method, url, cookie string) (*client, error) {
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		return nil, err
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return &client{transport: &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}, request: r}, nil
}

// send sends the request, reads the answer and takes the new cookie, if there is one.
func (c *client) send() error {
	response, err := c.transport.RoundTrip(c.request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answered with %s", response.Status)
	}
	if line := response.Header.Get("Set-Cookie"); line != "" {
		pair, _, _ := strings.Cut(line, ";")
		c.request.Header.Set("Cookie", pair)
	}
	return nil
}

// run sends n requests.
func (c *client) run(n int) {
	for range n {
		before := time.Now()
		if c.err = c.send(); c.err != nil {
			return
		}
		c.took = append(c.took, time.Since(before))
	}
}

// serveLoopback measures the handler behind a server with a client for each cookie. The clients share b.N requests.
func serveLoopback(b *testing.B, h http.Handler, method string, cookies []string) {
	server := httptest.NewServer(h)
	defer server.Close()
	clients := make([]*client, len(cookies))
	share := func(i int) int { return (b.N + i) / len(clients) }
	for i, cookie := range cookies {
		c, err := newClient(method, server.URL, cookie)
		if err == nil {
			defer c.transport.CloseIdleConnections()
			err = c.send() // connects
		}
		if err != nil {
			b.Fatal(err)
		}
		c.took = make([]time.Duration, 0, share(i))
		clients[i] = c
	}
	b.ReportAllocs()
	b.ResetTimer()
	var running sync.WaitGroup
	for i, c := range clients {
		running.Go(func() { c.run(share(i)) })
	}
	running.Wait()
	b.StopTimer()
	took := make([]time.Duration, 0, b.N)
	for _, c := range clients {
		if c.err != nil {
			b.Fatal(c.err)
		}
		took = append(took, c.took...)
	}
	slices.Sort(took)
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(took[(len(took)-1)*p/100]), fmt.Sprintf("p%d-ns", p))
	}
}
