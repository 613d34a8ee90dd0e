package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// requestWait is how long an answer may take.
const requestWait = 10 * time.Second

// load is vegeta, which sends at a fixed rate whether or not the shop has answered, with the visitors' cookies.
type load struct {
	url       string
	client    *http.Client
	transport *http.Transport
	crowd     *crowd
	visitors  []*visitor // by number
}

func newLoad(url string, s settings) *load {
	// A request waits for a connection when all are busy, and that time counts.
	// An idle one ends here before it ends at the shop, which keeps it for two minutes: a long turn of the others is no fault.
	transport := &http.Transport{
		MaxConnsPerHost: s.connections, MaxIdleConnsPerHost: s.connections, IdleConnTimeout: time.Minute, DisableCompression: true,
	}
	l := &load{url: url, transport: transport, client: &http.Client{Transport: transport, Timeout: requestWait}, crowd: newCrowd(s)}
	l.visitors = append(l.visitors, l.crowd.waiting...)
	for _, v := range l.crowd.waiting {
		l.visitors[v.number] = v
	}
	return l
}

// target lets a visitor make the next request. The fragment of its URL, which is not sent, says whose it is.
func (l *load) target(t *vegeta.Target) error {
	v := l.crowd.leave()
	v.next()
	t.Method, t.URL = v.doing.method, l.url+v.doing.path+"#"+strconv.Itoa(v.number)
	t.Header = http.Header{}
	if cookies := v.cookies(); cookies != "" {
		t.Header.Set("Cookie", cookies)
	}
	return nil
}

// visitor returns whose request it was.
func (l *load) visitor(r *vegeta.Result) (*visitor, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(u.Fragment)
	if err != nil {
		return nil, err
	}
	return l.visitors[n], nil
}

// arrive lets each visitor make a first request, which begins a session. It is the warm-up, at twice the rate.
func (l *load) arrive(ctx context.Context, s settings) (*tally, error) {
	var came []*visitor
	pace := limited{vegeta.Rate{Freq: 2 * s.rate, Per: time.Second}, uint64(s.visitors)}
	t, err := l.attack(ctx, s, pace, func(v *visitor) { came = append(came, v) })
	l.crowd.join(came...)
	return t, err
}

// limited is a pacer that ends after so many requests.
type limited struct {
	vegeta.Pacer
	most uint64
}

func (t limited) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	wait, stop := t.Pacer.Pace(elapsed, hits)
	return wait, stop || hits >= t.most
}

// run is the load that is measured.
func (l *load) run(ctx context.Context, s settings, t turns) (*tally, error) {
	return l.attack(ctx, s, pacer{vegeta.Rate{Freq: s.rate, Per: time.Second}, t, ctx}, func(v *visitor) { l.crowd.join(v) })
}

// attack makes requests until the pacer ends it, and gives each visitor who has an answer to done.
func (l *load) attack(ctx context.Context, s settings, pacer vegeta.Pacer, done func(*visitor)) (*tally, error) {
	attacker := vegeta.NewAttacker(vegeta.Client(l.client), vegeta.MaxWorkers(uint64(s.visitors)))
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	t := newTally()
	for r := range attacker.Attack(l.target, pacer, 0, "") {
		v, err := l.visitor(r)
		if err != nil {
			return nil, fmt.Errorf("whose request it was: %w", err)
		}
		t.add(v, r)
		done(v)
	}
	t.close()
	return t, context.Cause(ctx)
}
