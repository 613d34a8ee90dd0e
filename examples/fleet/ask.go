package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack"
)

const (
	cookieName = hardtack.DefaultName
	maxAnswer  = 1 << 20 // bytes
)

// state is the session as the shop answers.
type state struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	Items   int       `json:"items"`
	Expires time.Time `json:"expires"`
	Refused string    `json:"refused"`
}

// answer is what a server has answered, and between which real times it made up its mind.
type answer struct {
	state
	cookie         string // that it set, empty if none
	server         *server
	asked, arrived time.Time
}

// Why there is no answer.
var (
	errRefused = errors.New("connection refused")      // nobody listens
	errNoReply = errors.New("the answer did not come") // it is not known whether the request had an effect
)

// asker sends requests to servers.
type asker struct{ client *http.Client }

func newAsker(parallel int) *asker {
	return &asker{&http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: parallel, IdleConnTimeout: time.Minute},
		Timeout:   30 * time.Second,
	}}
}

// session sends a request of a browser.
func (a *asker) session(ctx context.Context, s *server, method, path, cookie string) (answer, error) {
	got := answer{server: s}
	response, body, err := a.do(ctx, s.address(), method, path, cookie, &got)
	if err != nil {
		return answer{}, err
	}
	if err := json.Unmarshal(body, &got.state); err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	for _, c := range response.Cookies() {
		if c.Name == cookieName {
			got.cookie = c.Value
		}
	}
	return got, nil
}

// report asks a process for its keys.
func (a *asker) report(ctx context.Context, url string) (report, error) {
	var r report
	_, body, err := a.do(ctx, url, "GET", "/debug/keys", "", new(answer))
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	return r, err
}

func (a *asker) do(ctx context.Context, url, method, path, cookie string, got *answer) (*http.Response, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url+path, nil)
	if err != nil {
		return nil, nil, err
	}
	if cookie != "" {
		request.Header.Set("Cookie", cookieName+"="+cookie)
	}
	got.asked = time.Now()
	response, err := a.client.Do(request)
	var body []byte
	if err == nil {
		defer response.Body.Close()
		body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	}
	got.arrived = time.Now()
	var dial *net.OpError
	switch {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case errors.As(err, &dial) && dial.Op == "dial":
		return nil, nil, errRefused
	case err != nil:
		return nil, nil, errNoReply
	case response.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("%s %s: status %d, %.100q", method, path, response.StatusCode, body)
	}
	return response, body, nil
}

// keyOf returns the ID of the key that sealed a cookie (docs/format.md: it follows the version).
func keyOf(cookie string) (id hardtack.KeyID, err error) {
	head, err := base64.RawURLEncoding.DecodeString(cookie[:min(len(cookie), 8)])
	if err != nil || len(head) < 1+len(id) {
		return id, errors.New("what was set is no hardtack cookie")
	}
	return hardtack.KeyID(head[1:]), nil
}
