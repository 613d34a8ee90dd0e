package main

import (
	"fmt"
	"sync"
	"time"
)

// mark is something that went wrong at a server, at a real time.
type mark struct {
	server int
	at     time.Time
	wrong  bool // else lost
}

// tally counts what the clients saw.
type tally struct {
	mu       sync.Mutex
	requests int // answered
	retried  int // at the next server, because nobody listened
	noReply  int // answers that did not come; the client keeps the cookie it has
	sessions int // that began
	renewed  int // with a cookie, at a new login
	kept     int
	lost     int
	wrong    int
	either   int // answers that prove nothing: the session ended meanwhile
	unasked  int // sessions that ended before their client came back

	refused  map[string]int // rightly, by reason
	byAge    []int          // cookies accepted, by how many keys had begun to seal since theirs
	marks    []mark
	examples []string // of what went wrong
}

func (t *tally) count(f func(*tally)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t)
}

// blame notes what went wrong.
func (t *tally) blame(v verdict, a *answer, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v == wrong {
		t.wrong++
	} else {
		t.lost++
	}
	t.marks = append(t.marks, mark{a.server.number, a.arrived, v == wrong})
	if len(t.examples) < 5 {
		t.examples = append(t.examples, fmt.Sprintf("server %d: %s", a.server.number, text))
	}
}
