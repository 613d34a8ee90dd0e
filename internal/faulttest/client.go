package faulttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Client is a browser with a session of its own, and what it knows of that.
type Client struct {
	load   *Load
	name   string
	tabbed bool
	http   *http.Client

	mu     sync.Mutex
	serial int
	floor  int          // the newest state that was acknowledged
	tried  map[int]bool // later saves that were not acknowledged, and may come to light
	acked  map[int]bool // entries of tabs
	sent   map[int]bool // likewise, acknowledged or not
	login  bool         // a login failed: the old session may be frozen, and only a login leads on
	broken bool         // a fault was found; the client rests

	history []string // the last requests, for the report of a fault
}

func newClient(l *Load, name string, tabbed bool) *Client {
	jar, _ := cookiejar.New(nil) // has no errors
	return &Client{
		load: l, name: name, tabbed: tabbed,
		http:  &http.Client{Transport: l.transport, Jar: jar, Timeout: requestTimeout},
		tried: map[int]bool{}, acked: map[int]bool{}, sent: map[int]bool{},
	}
}

// Response is what came back.
type Response struct {
	Status int    // 0 if the connection was cut
	Words  string // of a failure
	Sets   bool   // a cookie
	Took   time.Duration
	Answer
}

// deaf is a cookie jar that learns nothing.
type deaf struct{ http.CookieJar }

func (deaf) SetCookies(*url.URL, []*http.Cookie) {}

// do sends a request. If the answer is lost, nothing of it counts.
func (c *Client) do(method, path string, form url.Values, lost bool) (r Response) {
	client := *c.http
	if lost {
		client.Jar = deaf{client.Jar}
		defer func() { r = Response{Words: "the answer was lost"} }()
	}
	request, err := http.NewRequest(method, c.load.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return Response{Words: err.Error()}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	defer func(begun time.Time) { r.Took = time.Since(begun) }(time.Now())
	answer, err := client.Do(request)
	if err != nil {
		return Response{Words: err.Error()}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return Response{Words: err.Error()}
	}
	r.Status, r.Sets = answer.StatusCode, len(answer.Cookies()) > 0
	if r.Status != http.StatusOK {
		r.Words = string(bytes.TrimSpace(body))
	} else if err := json.Unmarshal(body, &r.Answer); err != nil && path != "/logout" {
		return Response{Words: err.Error()}
	}
	return r
}

// Read reads the session and checks it.
func (c *Client) Read() Response {
	c.mu.Lock()
	acked := maps.Clone(c.acked)
	c.mu.Unlock()
	r := c.do(http.MethodGet, "/", nil, false)
	c.note(r, "read: %d", r.Serial)
	c.count(r, "read")
	if r.Status == http.StatusOK {
		c.check("read", Was{r.Owner, r.Serial, r.Items}, r.Fresh, acked)
	}
	return r
}

// Save saves the session as its next state, with a note of this length.
func (c *Client) Save(note int) Response { return c.save(byUpdate, note, false) }

// save is Save in one of several ways.
func (c *Client) save(how string, note int, lost bool) Response {
	c.mu.Lock()
	c.serial++
	serial, acked := c.serial, maps.Clone(c.acked)
	form := url.Values{"how": {how}, "owner": {c.name}, "serial": {strconv.Itoa(serial)}, "note": {strconv.Itoa(note)}}
	if c.tabbed {
		form.Set("append", "1")
		c.sent[serial] = true
	} else {
		c.tried[serial] = true
	}
	if how == byLogin {
		form.Set("subject", "1")
		c.login = true
	}
	c.mu.Unlock()

	c.load.add(func(n *Counts) { n.Tried++ })
	r := c.do(http.MethodPost, "/", form, lost)
	c.note(r, "save %d by %s, note of %d, over %d", serial, how, note, r.Was.Serial)
	if lost {
		c.load.add(func(n *Counts) { n.NoAnswer++ })
		return r
	}
	c.count(r, "save")
	switch r.Status {
	case http.StatusOK:
		c.load.add(func(n *Counts) { n.Acknowledged++ })
		c.check("save "+how, r.Was, "", acked)
		c.acknowledged(serial, how == byLogin)
	case http.StatusConflict: // nothing was written
		c.mu.Lock()
		delete(c.tried, serial)
		delete(c.sent, serial)
		c.mu.Unlock()
	}
	return r
}

func (c *Client) acknowledged(serial int, login bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tabbed {
		c.acked[serial] = true
		return
	}
	c.floor = serial
	clear(c.tried) // whatever became of them is superseded
	if login {
		c.login = false
	}
}

// check compares the state that the application found with what it may be: no older than what was acknowledged when the
// request was sent.
func (c *Client) check(when string, was Was, fresh string, acked map[int]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	had := c.floor > 0 || len(acked) > 0
	switch {
	case was.Owner == "" && !had:
	case was.Owner == "":
		c.fault(func(n *Counts) { n.LoggedOut++ }, "%s: no session (%s), had %s", when, fresh, c.states())
	case was.Owner != c.name:
		c.fault(func(n *Counts) { n.MixedUp++ }, "%s: the session of %s", when, was.Owner)
	case c.tabbed:
		c.checkItems(when, was.Items, acked)
	case was.Serial != c.floor && !c.tried[was.Serial]:
		c.fault(func(n *Counts) { n.Lost++ }, "%s: state %d, possible are %s", when, was.Serial, c.states())
	}
}

func (c *Client) checkItems(when string, items []int, acked map[int]bool) {
	there := map[int]int{}
	for _, item := range items {
		there[item]++
	}
	for item := range acked {
		if there[item] == 0 {
			c.fault(func(n *Counts) { n.Lost++ }, "%s: entry %d was acknowledged and is not in the list", when, item)
			return
		}
	}
	for item, times := range there {
		if times > 1 {
			c.fault(func(n *Counts) { n.Twice++ }, "%s: entry %d is in the list %d times", when, item, times)
			return
		}
		if !c.sent[item] {
			c.fault(func(n *Counts) { n.Lost++ }, "%s: entry %d was refused with 409, and is in the list", when, item)
			return
		}
	}
}

// states says which states the session may be in.
func (c *Client) states() string {
	if c.tabbed {
		return fmt.Sprintf("%d entries", len(c.acked))
	}
	return fmt.Sprint(slices.Sorted(maps.Keys(c.tried)), " or acknowledged ", c.floor)
}

// note adds to the history.
func (c *Client) note(r Response, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.history) == historyLength {
		c.history = slices.Delete(c.history, 0, 1)
	}
	c.history = append(c.history, fmt.Sprintf(format, args...)+fmt.Sprint(" -> ", r.Status))
}

// count counts what is not a 200.
func (c *Client) count(r Response, when string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	saving := when == "save"
	switch r.Status {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		if saving {
			c.load.add(func(n *Counts) { n.Unavailable++ })
		} else if r.Sets { // on a save, it may be a Touch of what was read before
			c.fault(func(n *Counts) { n.Other++ }, "%s: a 503 with a cookie", when)
		}
	case http.StatusConflict:
		if saving {
			c.load.add(func(n *Counts) { n.Conflicts++ })
		}
	case http.StatusGone:
		c.fault(func(n *Counts) { n.LoggedOut++ }, "%s: %s; had %s", when, r.Words, c.states())
	case 0:
		if c.load.ServerDies {
			if saving {
				c.load.add(func(n *Counts) { n.NoAnswer++ })
			}
			return
		}
		fallthrough
	default:
		c.fault(func(n *Counts) { n.Other++ }, "%s: %d %s", when, r.Status, r.Words)
	}
}

// fault counts the first fault of the client. Its mu is held.
func (c *Client) fault(count func(*Counts), format string, args ...any) {
	if c.broken {
		return
	}
	c.broken = true
	words := fmt.Sprintf("%s, at %v after the start: ", c.name, time.Since(c.load.begun).Round(time.Millisecond)) +
		fmt.Sprintf(format, args...) + "; before that:\n  " + strings.Join(c.history, "\n  ")
	c.load.add(func(n *Counts) {
		count(n)
		n.faults = append(n.faults, words)
	})
}

// work is one thing that a client does.
func (c *Client) work(rng *rand.Rand) Response {
	if rng.IntN(4) == 0 {
		return c.Read()
	}
	lost := rng.IntN(30) == 0 // on the way to the client
	if c.tabbed {
		return c.save(byUpdate, Large, lost)
	}
	how := []string{byHandler, bySave, byUpdate}[rng.IntN(3)]
	c.mu.Lock()
	if c.login || rng.IntN(30) == 0 {
		how = byLogin
	}
	c.mu.Unlock()
	return c.save(how, noteLength(rng), lost)
}

func noteLength(rng *rand.Rand) int {
	switch n := rng.IntN(10); {
	case n < 3:
		return Small
	case n < 5:
		return Middle
	}
	return Large + rng.IntN(2000)
}

func (c *Client) resting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}
