package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shopping returns a visitor with a session, two articles in the cart and nothing to do.
func shopping(t *testing.T) *visitor {
	v := newVisitor(7, 1)
	v.doing = action{add, http.MethodPost, "/api/items?count=2", 2}
	_, fault := v.take(200, http.Header{"Set-Cookie": {"session=secret; Secure; HttpOnly"}}, []byte(`{"id":"A","new":true,"items":2}`))
	require.Empty(t, fault)
	require.Equal(t, "session=secret", v.cookies())
	return v
}

func TestVisitorJudgesAnswers(t *testing.T) {
	for _, c := range []struct {
		kind  string
		items int
		body  string
		want  string
	}{
		{look, 2, `{"id":"A","items":2}`, ""},
		{look, 2, `{"id":"A","items":1}`, "the cart holds 1 items and must hold 2"},
		{look, 2, `{"id":"B","items":2}`, "it is another one than before"},
		{look, 2, `{"id":"A","items":2,"user":"visitor-8"}`, "it is another user's, or nobody's"},
		{look, 2, `{"id":"B","new":true}`, "the session is lost: the shop takes the visitor for a new one"},
		{look, 2, `{"id":"B","new":true,"refused":"unknown_key"}`, "the session is lost: refused as unknown_key"},
		{look, 2, `{`, "not the JSON"},
		{remove, 1, `{"id":"A","items":1}`, ""},
		{remove, 1, `{"id":"A","items":2}`, "the cart holds 2 items and must hold 1"},
		{login, 2, `{"id":"B","items":2,"user":"visitor-7"}`, ""},
		{login, 2, `{"id":"A","items":2,"user":"visitor-7"}`, "the same identity after the login"},
		{login, 2, `{"id":"B","items":2}`, "it is another user's, or nobody's"},
		{logout, 0, `{"id":"B","new":true}`, "the cookie is still there"},
	} {
		v := shopping(t)
		v.doing = action{kind: c.kind, items: c.items}
		_, fault := v.take(200, nil, []byte(c.body))
		if c.want == "" {
			assert.Empty(t, fault, "%s: %s", c.kind, c.body)
		} else {
			assert.Contains(t, fault, c.want, "%s: %s", c.kind, c.body)
		}
		assert.NotContains(t, fault, "secret")
	}
}

func TestVisitorBeginsAnew(t *testing.T) {
	v := shopping(t)
	v.doing = action{kind: look, items: 2}
	_, fault := v.take(503, nil, []byte(`{"error":"store_unavailable"}`))
	assert.Equal(t, "status 503 store_unavailable", fault)
	assert.Empty(t, v.cookies())
	v.next()
	assert.Equal(t, add, v.doing.kind)

	v = shopping(t)
	v.doing = action{kind: logout}
	_, fault = v.take(200, http.Header{"Set-Cookie": {"session=; Max-Age=0"}}, []byte(`{}`))
	assert.Empty(t, fault)
	assert.False(t, v.alive)
}

// What visitors do is what the report says they do.
func TestMix(t *testing.T) {
	v := shopping(t)
	counts := map[string]int{}
	for range 10_000 {
		v.next()
		counts[v.doing.kind]++
		v.items = v.doing.items
		assert.GreaterOrEqual(t, v.items, 0)
		assert.Less(t, v.items, otherLimit+otherAdds)
	}
	assert.InDelta(t, 7000, counts[look], 300)
	assert.InDelta(t, 100*changes, counts[add]+counts[remove], 300)
	assert.InDelta(t, 100*logins, counts[login], 150)
	assert.InDelta(t, 100*logouts, counts[logout], 150)
}

func TestCrowd(t *testing.T) {
	c := newCrowd(settings{visitors: 3, seed: 1})
	seen := map[*visitor]bool{}
	for range 3 {
		seen[c.leave()] = true
	}
	assert.Len(t, seen, 3)

	next := make(chan *visitor)
	go func() { next <- c.leave() }()
	var back *visitor
	for back = range seen {
		break
	}
	c.join(back)
	select {
	case v := <-next:
		assert.Same(t, back, v)
	case <-time.After(10 * time.Second):
		require.Fail(t, "nobody leaves")
	}
}
