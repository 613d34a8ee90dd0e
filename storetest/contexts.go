package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ended: with a context that has ended, every method fails with its cause and changes nothing.
func ended(t *tester, ctx context.Context, cause error) {
	id, data, subject, elsewhere := t.id(), t.data(), t.subject(), t.subject()
	fresh := t.id()
	if t.swapper != nil {
		require.True(t, t.swap(id, 0, 1, data, later()))
	} else {
		t.commit(id, data, later())
	}
	if t.indexer != nil {
		t.file(id, subject, later())
	}
	for _, id := range []string{id, fresh} {
		for name, call := range t.methods(id, elsewhere, t.data(), later()) {
			assert.ErrorIs(t, call(ctx), cause, name)
		}
	}
	t.holds(id, data, "the context had ended")
	t.gone(fresh, "the context had ended")
	if t.swapper != nil {
		require.True(t, t.swap(id, 1, 2, data, later()), "the version is as before")
	}
	if t.indexer != nil {
		require.Equal(t, []string{id}, t.filed(subject), "the context had ended")
		require.Empty(t, t.filed(elsewhere), "the context had ended")
	}
}

func contextCancelled(t *tester) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ended(t, ctx, context.Canceled)

	reason := errors.New("the reason")
	because, cancelBecause := context.WithCancelCause(t.Context())
	cancelBecause(reason)
	ended(t, because, reason)
}

func contextDeadline(t *tester) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	ended(t, ctx, context.DeadlineExceeded)
}

const (
	// deadline is what the clauses give a store that does not answer.
	deadline = time.Second
	// grace is how long after its deadline a call may return: long enough for
	// the slowest machine.
	grace = 10 * time.Second
)

// silent calls every method of a store that cannot answer. Each must fail, and soon after its deadline.
func silent(t *tester, c *client, check func(name string, err error)) {
	var wg sync.WaitGroup
	for name, call := range c.methods(t.id(), t.subject(), t.data(), later()) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			failed := make(chan error, 1)
			go func() { failed <- call(ctx) }()
			select {
			case err := <-failed:
				if assert.Error(t, err, name) {
					check(name, err)
				}
			case <-time.After(deadline + grace):
				assert.Fail(t, name+" has not returned long after its deadline")
			}
		})
	}
	wg.Wait()
}

// contextHangs: the deadline ends a call that the server does not answer.
func contextHangs(t *tester) {
	silent(t, t.newClient(t.Hangs), func(name string, err error) {
		assert.ErrorIs(t, err, context.DeadlineExceeded, name)
	})
}
