package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

const maxCart = 12 // items

// client is somebody with a browser, who knows what the shop has acknowledged.
type client struct {
	*drill
	mu     sync.Mutex // held for a visit
	number int
	random *rand.Rand
	http   http.Client
	jar    *cookiejar.Jar

	knows  shop.Account   // the zero Account while logged out
	first  []*http.Cookie // what the old application gave for this session
	items  int            // ever put into a cart
	logins int
}

func (d *drill) newClient(i int) (*client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &client{
		drill:  d,
		number: i,
		random: rand.New(rand.NewPCG(d.plan.seed, uint64(i))),
		http:   http.Client{Transport: d.transport, Jar: jar},
		jar:    jar,
	}, nil
}

// visit does something that a visitor of a shop does.
func (c *client) visit(ctx context.Context) error {
	switch n := c.random.IntN(100); {
	case c.knows.User == "" && n < 50:
		return c.look(ctx)
	case c.knows.User == "":
		return c.login(ctx)
	case n < 45 && len(c.knows.Cart) < maxCart:
		return c.put(ctx)
	case n < 95:
		return c.look(ctx)
	}
	return c.logout(ctx)
}

func (c *client) login(ctx context.Context) error {
	c.logins++
	user := fmt.Sprintf("user%d.%d", c.number, c.logins)
	c.first = nil
	return c.ask(ctx, "POST", "/login", url.Values{"user": {user}}, shop.Account{User: user})
}

// put puts something into the cart that nobody else has.
func (c *client) put(ctx context.Context) error {
	form, next := c.item()
	return c.ask(ctx, "POST", "/cart", form, next)
}

func (c *client) item() (form url.Values, next shop.Account) {
	if c.knows.User == "" {
		return nil, shop.Account{}
	}
	c.items++
	item := fmt.Sprintf("%d.%d", c.number, c.items)
	return url.Values{"item": {item}}, shop.Account{User: c.knows.User, Cart: append(slices.Clone(c.knows.Cart), item)}
}

func (c *client) look(ctx context.Context) error { return c.ask(ctx, "GET", "/cart", nil, c.knows) }

func (c *client) logout(ctx context.Context) error {
	if c.first != nil {
		c.keep(c.first)
	}
	c.first = nil
	return c.ask(ctx, "POST", "/logout", nil, shop.Account{})
}

// ask sends a request, and holds the answer against what the client would know then.
func (c *client) ask(ctx context.Context, method, path string, form url.Values, next shop.Account) error {
	return c.send(ctx, method, path, strings.NewReader(form.Encode()), next)
}

func (c *client) send(ctx context.Context, method, path string, body io.Reader, next shop.Account) error {
	a, err := c.drill.ask(ctx, &c.http, method, path, body)
	if err != nil {
		return err
	}
	switch {
	case path == "/logout" && a.status == http.StatusOK:
	case next.User == "" && a.status == http.StatusUnauthorized:
	case next.User == "" && a.status == http.StatusOK:
		c.count(func(t *tally) { t.resurrected++ })
	case a.status == http.StatusUnauthorized:
		c.count(func(t *tally) { t.lost++ })
		next = shop.Account{}
	case a.status != http.StatusOK:
		return fmt.Errorf("%s %s was answered with %d", method, path, a.status)
	case a.User != next.User || !mine(a.Cart, c.number):
		c.count(func(t *tally) { t.mixed++ })
		next = a.Account
	case !slices.Equal(a.Cart, next.Cart):
		c.count(func(t *tally) { t.lost++ })
		next = a.Account
	}
	c.knows = next
	if c.knows.User == "" {
		c.first = nil
	} else if c.early.Load() {
		c.first = c.jar.Cookies(c.base)
	}
	return nil
}

// mine reports whether everything in the cart was put there by this client.
func mine(cart []string, number int) bool {
	for _, item := range cart {
		if !strings.HasPrefix(item, fmt.Sprintf("%d.", number)) {
			return false
		}
	}
	return true
}

// straggle begins to put something into the cart. The request has reached its server when straggle returns, and
// ends when the returned function is called, which says what came of it. The client must not be used meanwhile.
func (c *client) straggle(ctx context.Context) (finish func() error, err error) {
	body, write := io.Pipe()
	arrived, ended := make(chan struct{}), make(chan error, 1)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got100Continue: func() { close(arrived) }})
	form, next := c.item()
	go func() { ended <- c.send(ctx, "POST", "/cart", body, next) }()
	select {
	case <-arrived:
	case err := <-ended:
		return nil, errors.Join(errors.New("a request ended before it was complete"), err)
	}
	return func() error {
		_, err := io.WriteString(write, form.Encode())
		_ = write.CloseWithError(err)
		return <-ended
	}, nil
}

// answer is what the shop says.
type answer struct {
	status int
	shop.Account
}

// ask sends a request through the front. A body that is a pipe is sent when the server asks for it.
func (d *drill) ask(ctx context.Context, via *http.Client, method, path string, body io.Reader, cookies ...*http.Cookie) (a answer, err error) {
	r, err := http.NewRequestWithContext(ctx, method, d.base.JoinPath(path).String(), body)
	if err != nil {
		return a, err
	}
	if _, slow := body.(*io.PipeReader); slow {
		r.Header.Set("Expect", "100-continue")
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	res, err := via.Do(r)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	d.count(func(t *tally) { t.requests++ })
	a.status = res.StatusCode
	if a.status == http.StatusOK && path != "/logout" {
		err = json.NewDecoder(res.Body).Decode(&a.Account)
	}
	_, _ = io.Copy(io.Discard, res.Body) // so that the connection is used again
	return a, err
}
