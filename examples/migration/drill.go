package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hardtack-go/hardtack"
)

const (
	parallel   = 16 // requests at a time
	instances  = 2  // servers of a release
	stragglers = 4  // requests that are under way during a whole deploy
)

// plan says what happens in a drill.
type plan struct {
	swap
	clients int
	seed    uint64
}

// drill is one run.
type drill struct {
	*tally
	plan      plan
	random    *rand.Rand
	front     *front
	base      *url.URL // the front's address
	transport http.RoundTripper
	clients   []*client
	early     atomic.Bool // only the old application runs

	started  []*server
	servers  []*server // those that run
	releases []*release

	abort  context.CancelCauseFunc
	ghosts []*http.Cookie // copies of old cookies whose sessions have ended

	rows  []row
	since row // the counts when the present row began
	late  int // requests that came in the old format when everybody had moved
}

// release is a deploy that has happened.
type release struct {
	deploy
	counts  counts
	servers []*server
}

// run carries out the plan. The error says why the drill could not be done; what it found is in its result.
func run(ctx context.Context, p plan) (d *drill, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d = &drill{tally: &tally{}, plan: p, abort: cancel, random: rand.New(rand.NewPCG(p.seed, 1<<32)), front: newFront()}
	defer func() { err = errors.Join(err, d.stop()) }()
	if d.base, err = url.Parse(d.front.URL); err != nil {
		return nil, err
	}
	transport := d.front.Client().Transport.(*http.Transport)
	transport.MaxIdleConnsPerHost = parallel + stragglers
	d.transport = transport
	if d.servers, err = d.start(func() (http.Handler, func() []hardtack.FormerUse, error) { return p.old, nil, nil }); err != nil {
		return nil, err
	}
	for _, s := range d.servers {
		s.old = true
	}
	d.front.route(d.servers...)
	for i := range p.clients {
		c, err := d.newClient(i)
		if err != nil {
			return nil, err
		}
		d.clients = append(d.clients, c)
	}
	d.perform(ctx)
	return d, context.Cause(ctx)
}

// fail ends the drill, if there is an error.
func (d *drill) fail(err error) {
	if err != nil {
		d.abort(err)
	}
}

// perform is the drill itself. A quarter of the clients stays away while servers are replaced.
func (d *drill) perform(ctx context.Context) {
	away := d.clients[:len(d.clients)/4]
	active := d.clients[len(away):]
	steps, final := d.plan.steps[:len(d.plan.steps)-1], d.plan.steps[len(d.plan.steps)-1]

	d.early.Store(true)
	d.traffic(ctx, d.clients, 1, (*client).login)
	d.traffic(ctx, d.clients, 1, (*client).put)
	d.traffic(ctx, active, 3, (*client).visit)
	d.early.Store(false)
	d.row("before")
	for _, step := range steps {
		d.replace(ctx, active, step)
		d.row(step.name + ", under way")
		d.traffic(ctx, active, 2, (*client).visit)
		d.row(step.name + ", done")
	}
	if len(steps) > 0 {
		d.traffic(ctx, away, 1, (*client).put)
		d.traffic(ctx, away, 1, (*client).look)
		d.row("who was away comes back")
		d.traffic(ctx, active, 1, (*client).put)
		d.row("everybody else changes something")
		before := d.inOldFormat()
		d.traffic(ctx, d.clients, 1, (*client).look)
		d.late = d.inOldFormat() - before
		if d.plan.endsCopies {
			d.haunt(ctx)
		}
		d.row("everybody looks once more")
	}
	d.replace(ctx, active, final)
	d.row(final.name + ", under way")
	d.traffic(ctx, d.clients, 1, (*client).look)
	d.haunt(ctx)
	d.row(final.name + ", done")
}

// start starts the servers of a release.
func (d *drill) start(handler func() (http.Handler, func() []hardtack.FormerUse, error)) (servers []*server, err error) {
	for range instances {
		h, use, err := handler()
		if err != nil {
			return nil, err
		}
		s, err := startServer(h)
		if err != nil {
			return nil, err
		}
		s.use = use
		servers, d.started = append(servers, s), append(d.started, s)
	}
	return servers, nil
}

// replace has the clients use the shop while a release takes the place of the servers that run.
func (d *drill) replace(ctx context.Context, who []*client, step deploy) {
	r := &release{deploy: step, counts: counts{opened: make(map[string]int), former: make(map[string]int)}}
	servers, err := d.start(func() (http.Handler, func() []hardtack.FormerUse, error) {
		return step.start(r.counts.observer(step.own))
	})
	if err != nil || ctx.Err() != nil {
		d.fail(err)
		return
	}
	old := d.servers
	d.servers, r.servers, d.releases = servers, servers, append(d.releases, r)
	pools := [][]*server{
		{old[0], old[1], servers[0]},
		{old[1], servers[0]},
		{old[1], servers[0], servers[1]},
		servers,
	}
	switch step.how {
	case atOnce:
		pools = pools[3:]
	case mixed:
		pools[0] = append(slices.Clone(old), servers...)
		pools[1], pools[2] = pools[0], pools[0]
	}
	d.front.stick(step.how == sticky)

	// What has begun at a server ends there, also when it gets no more requests.
	slow, others := split(who)
	finish := d.straggle(ctx, slow)
	var draining sync.WaitGroup
	var changes []func()
	for _, pool := range pools {
		changes = append(changes, func() {
			for _, s := range d.front.route(pool...) {
				draining.Go(func() { d.fail(s.drain()) })
			}
		})
	}
	d.traffic(ctx, others, 3, (*client).visit, append(changes, finish)...)
	draining.Wait()
}

// straggle begins slow requests.
func (d *drill) straggle(ctx context.Context, slow []*client) (finish func()) {
	var all []func() error
	for _, c := range slow {
		f, err := c.straggle(ctx)
		d.fail(err)
		if err == nil {
			all = append(all, f)
		}
	}
	return func() {
		for _, f := range all {
			d.fail(f())
			d.count(func(t *tally) { t.slow++ })
		}
	}
}

// split picks a few clients that are logged in.
func split(who []*client) (slow, others []*client) {
	for _, c := range who {
		if len(slow) < stragglers && c.knows.User != "" {
			slow = append(slow, c)
		} else {
			others = append(others, c)
		}
	}
	return slow, others
}

// traffic has each of the clients do something a number of times, in any order, while somebody presents bad cookies. The changes
// are made in their order when so and so many requests have been answered, and traffic goes on meanwhile.
func (d *drill) traffic(ctx context.Context, who []*client, times int, do func(*client, context.Context) error, changes ...func()) {
	var jobs []func() error
	for _, c := range who {
		for range times {
			jobs = append(jobs, func() error {
				c.mu.Lock()
				defer c.mu.Unlock()
				return do(c, ctx)
			})
		}
	}
	for _, bad := range d.plan.bad {
		jobs = append(jobs, func() error { return d.present(ctx, bad) })
	}
	d.random.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })

	reached := make(map[int64]chan struct{})
	var all sync.WaitGroup
	mark := func(i int) int64 { return int64((i + 1) * len(jobs) / (len(changes) + 1)) }
	for i := range changes {
		reached[mark(i)] = make(chan struct{})
	}
	all.Go(func() {
		for i, change := range changes {
			select {
			case <-reached[mark(i)]:
			case <-ctx.Done(): // it has to be made nevertheless: requests wait for it
			}
			change()
		}
	})
	var next, done atomic.Int64
	for range parallel {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(jobs)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				d.fail(jobs[i]())
				if c := reached[done.Add(1)]; c != nil {
					close(c)
				}
			}
		})
	}
	all.Wait()
}

// present shows the shop a cookie that is to be refused.
func (d *drill) present(ctx context.Context, bad *http.Cookie) error {
	a, err := d.ask(ctx, &http.Client{Transport: d.transport}, "GET", "/cart", nil, bad)
	d.count(func(t *tally) {
		t.presented++
		if a.status != http.StatusUnauthorized {
			t.accepted++
		}
	})
	return err
}

// keep remembers copies of old cookies, whose session is about to end.
func (d *drill) keep(cookies []*http.Cookie) {
	d.count(func(*tally) { d.ghosts = append(d.ghosts, cookies...) })
}

// haunt presents the copies.
func (d *drill) haunt(ctx context.Context) {
	for _, c := range d.ghosts {
		if ctx.Err() == nil {
			d.fail(d.present(ctx, c))
		}
	}
}

// stop ends all servers.
func (d *drill) stop() error {
	d.front.Close()
	var err error
	for _, s := range d.started {
		err = errors.Join(err, s.drain())
	}
	return err
}
