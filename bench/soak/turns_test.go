package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// turn is when one contender is under load.
type turn struct {
	contender int
	from, to  time.Duration
}

// turnsOf lists the turns by asking every half a second, on boundaries and between them, whether somebody is under load.
func turnsOf(t *testing.T, s schedule) (list []turn) {
	const step = time.Second / 2
	for elapsed := time.Duration(0); elapsed < time.Duration(s.contenders)*s.duration+10*time.Second; elapsed += step {
		var on []int
		for c := range s.contenders {
			if _, wait, ok := s.next(c, 0, elapsed); ok && wait == 0 {
				on = append(on, c)
				assert.Equal(t, s.active(c, elapsed)+step, s.active(c, elapsed+step))
			} else {
				assert.Equal(t, s.active(c, elapsed), s.active(c, elapsed+step))
			}
		}
		require.LessOrEqual(t, len(on), 1, "%v: one at a time", elapsed)
		if len(on) == 0 {
			require.GreaterOrEqual(t, elapsed, time.Duration(s.contenders)*s.duration, "no gap")
			continue
		}
		// A contender whose turn follows its own of the round before has one turn here.
		if last := len(list) - 1; last >= 0 && list[last].contender == on[0] {
			list[last].to = elapsed + step
			continue
		}
		list = append(list, turn{on[0], elapsed, elapsed + step})
	}
	return list
}

func TestSchedule(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		schedule
		want []turn
	}{
		"A BB AA B":           {schedule{2, 5 * s, 15 * s}, []turn{{0, 0, 5 * s}, {1, 5 * s, 15 * s}, {0, 15 * s, 25 * s}, {1, 25 * s, 30 * s}}},
		"last round shorter":  {schedule{2, 5 * s, 7 * s}, []turn{{0, 0, 5 * s}, {1, 5 * s, 12 * s}, {0, 12 * s, 14 * s}}},
		"one turn":            {schedule{2, 5 * s, 5 * s}, []turn{{0, 0, 5 * s}, {1, 5 * s, 10 * s}}},
		"alone":               {schedule{1, 5 * s, 12 * s}, []turn{{0, 0, 12 * s}}},
		"three":               {schedule{3, 2 * s, 5 * s}, []turn{{0, 0, 2 * s}, {1, 2 * s, 4 * s}, {2, 4 * s, 8 * s}, {1, 8 * s, 10 * s}, {0, 10 * s, 13 * s}, {1, 13 * s, 14 * s}, {2, 14 * s, 15 * s}}},
		"turn longer than it": {newSchedule(2, settings{turn: 1<<63 - 1, duration: 3 * s}), []turn{{0, 0, 3 * s}, {1, 3 * s, 6 * s}}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, turnsOf(t, test.schedule))
			for c := range test.contenders {
				assert.Equal(t, test.duration, test.active(c, time.Duration(test.contenders)*test.duration))
			}
		})
	}
}

func TestNext(t *testing.T) {
	const s = time.Second
	two := schedule{2, 5 * s, 12 * s} // 0 to 5, 5 to 15, 15 to 22, 22 to 24
	for _, test := range []struct {
		what                       string
		contender                  int
		due, elapsed, active, wait time.Duration
		on                         bool
	}{
		{"the first begins", 0, 0, 0, 0, 0, true},
		{"the second waits", 1, 0, 0, 0, 5 * s, true},
		{"later in its turn", 0, 2 * s, 1 * s, 2 * s, 1 * s, true},
		{"the end of a turn is the next one's beginning", 0, 5 * s, 4 * s, 5 * s, 11 * s, true},
		{"two turns in a row", 1, 5 * s, 9 * s, 5 * s, 1 * s, true},
		{"in a turn much later", 1, 11 * s, 6 * s, 11 * s, 17 * s, true},
		{"late, at once", 0, 1 * s, 4 * s, 4 * s, 0, true},
		{"late, in a pause", 0, 4 * s, 6 * s, 5 * s, 9 * s, true},
		{"just before the end", 1, 12*s - 1, 24*s - 1, 12*s - 1, 0, true},
		{"due at the end", 1, 12 * s, 10 * s, 12 * s, 0, false},
		{"late after the last turn", 0, 0, 22 * s, 12 * s, 0, false},
		{"long after it", 1, 0, time.Hour, 12 * s, 0, false},
	} {
		active, wait, on := two.next(test.contender, test.due, test.elapsed)
		assert.Equal(t, test.on, on, test.what)
		assert.Equal(t, test.active, active, test.what)
		assert.Equal(t, test.wait, wait, test.what)
	}
}

// slowShop notes when it is asked and takes its time to answer.
type slowShop struct {
	mu    sync.Mutex
	asked []time.Time
	takes time.Duration
}

func (s *slowShop) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked = append(s.asked, time.Now())
	s.mu.Unlock()
	time.Sleep(s.takes)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// TestLoadInTurns lets vegeta attack by a clock that does not depend on the machine.
func TestLoadInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := short(7 * time.Second)
		s.turn = 2 * time.Second
		schedule, began := newSchedule(2, s), time.Now()
		var shops [2]slowShop
		var tallies [2]*tally
		var both sync.WaitGroup
		for i := range shops {
			shops[i].takes = 300 * time.Millisecond
			l := newLoad("http://shop", s)
			l.client.Transport = &shops[i]
			both.Go(func() {
				var err error
				tallies[i], err = l.run(t.Context(), s, turns{schedule, i, began})
				assert.NoError(t, err)
			})
		}
		both.Wait()
		assert.LessOrEqual(t, time.Since(began), 14*time.Second+shops[0].takes)
		for i := range shops {
			assert.Len(t, shops[i].asked, 1400, "%d: 200 a second for 7 s", i)
			assert.EqualValues(t, 1400, tallies[i].count(all))
			for n, at := range shops[i].asked {
				elapsed := at.Sub(began)
				active, wait, on := schedule.next(i, 0, elapsed)
				assert.True(t, on, "%d: %v", i, elapsed)
				assert.Zero(t, wait, "%d is asked at %v, which is not in its turn", i, elapsed)
				assert.Equal(t, time.Duration(n)*5*time.Millisecond, active)
			}
		}
	})
}

// TestLate has a pacer make up in its turns for what it has not sent, and for no more than that.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := short(2 * time.Second)
		p := pacer{turns: turns{newSchedule(2, s), 0, time.Now()}, ctx: t.Context()}
		p.Freq, p.Per = 10, time.Second
		for hits, test := range []struct{ busy, want time.Duration }{ // before it asks, and when it may send
			{0, 0}, {0, 100 * time.Millisecond}, {0, 200 * time.Millisecond},
			{600 * time.Millisecond, 1500 * time.Millisecond}, // now it has its turn again
			{0, 1500 * time.Millisecond}, {0, 1500 * time.Millisecond}, {0, 1600 * time.Millisecond},
		} {
			time.Sleep(test.busy)
			_, stop := p.Pace(0, uint64(hits))
			assert.False(t, stop)
			assert.Equal(t, test.want, time.Since(p.began), hits)
		}
		time.Sleep(time.Hour)
		_, stop := p.Pace(0, 7)
		assert.True(t, stop, "its turns are over")
	})
}

func TestWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		mine := turns{newSchedule(2, longTurns()), 1, time.Now()}
		_, on := mine.wait(ctx, 0)
		assert.False(t, on)
		assert.Equal(t, time.Minute, time.Since(mine.began))
		first := turns{mine.schedule, 0, mine.began}
		_, on = first.wait(ctx, 0)
		assert.False(t, on, "also in its turn")
	})
}

// TestWaitAgainAndAgain is how samples and rotations come at times of the turns.
func TestWaitAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mine := turns{newSchedule(2, settings{turn: 2 * time.Second, duration: 5 * time.Second}), 1, time.Now()}
		var elapsed []float64
		for at, on := mine.wait(t.Context(), time.Second); on; at, on = mine.wait(t.Context(), at+time.Second) {
			elapsed = append(elapsed, time.Since(mine.began).Seconds())
		}
		assert.Equal(t, []float64{3, 4, 5, 9}, elapsed)
	})
}
