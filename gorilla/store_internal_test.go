package gorilla

import (
	"fmt"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func internalStore(t *testing.T) *Store {
	s, err := NewStore(StoreConfig{Config: hardtack.Config{Keys: hardtack.EphemeralKeyring()}})
	require.NoError(t, err)
	return s
}

// What a Store remembers of a session goes with the session.
func TestStoreForgetsSessions(t *testing.T) {
	s := internalStore(t)
	known := func() (n int) {
		s.states.m.Range(func(any, any) bool { n++; return true })
		return n
	}
	r := httptest.NewRequest("GET", "/", nil)
	kept, err := s.New(r, "session")
	require.NoError(t, err)
	func() {
		for range 100 {
			session, err := s.New(r, "session")
			require.NoError(t, err)
			require.NoError(t, session.Save(r, httptest.NewRecorder()))
		}
		require.NoError(t, sessions.NewSession(s, "session").Save(r, httptest.NewRecorder()))
	}()
	require.Eventually(t, func() bool { runtime.GC(); return known() == 1 }, 30*time.Second, time.Millisecond)
	assert.NotNil(t, s.states.of(kept))
	runtime.KeepAlive(kept)
}

// Names may come from requests: they must not fill the memory, and work all the same.
func TestStoreKeepsFewJars(t *testing.T) {
	s := internalStore(t)
	for i := range maxJars + 50 {
		name := fmt.Sprintf("session-%d", i)
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		session, err := s.New(r, name)
		require.NoError(t, err)
		session.Values["i"] = i
		require.NoError(t, session.Save(r, w))
		r.Header.Set("Cookie", w.Result().Cookies()[0].String())
		session, err = s.New(r, name)
		require.NoError(t, err)
		require.Equal(t, i, session.Values["i"])
		require.NoError(t, session.Save(r, w))
	}
	assert.Len(t, s.jars.made, maxJars)
}

func TestContentSerializer(t *testing.T) {
	var ser contentSerializer
	at := time.UnixMilli(1_900_000_000_123)
	for _, c := range []content{{}, {values: map[any]any{"a": 1, 2: "b"}}, {values: map[any]any{"x": nil}, until: at}} {
		data, err := ser.Marshal(&c)
		require.NoError(t, err)
		got := content{values: map[any]any{"of before": true}, until: at.Add(1)}
		require.NoError(t, ser.Unmarshal(data, &got))
		assert.Len(t, got.values, len(c.values))
		for k, v := range c.values {
			assert.Equal(t, v, got.values[k])
		}
		assert.True(t, c.until.Equal(got.until))
		for n := range data {
			assert.Error(t, ser.Unmarshal(data[:n], &got), "%d of %d bytes", n, len(data))
		}
	}
	_, err := ser.Marshal(map[any]any{})
	assert.Error(t, err)
	assert.Error(t, ser.Unmarshal([]byte{0}, new(map[any]any)))
	assert.Equal(t, byte(3), ser.SerializerID())
}

func TestContentEnds(t *testing.T) {
	at := time.UnixMilli(1_900_000_000_123)
	c := content{until: at}
	assert.False(t, c.endedAt(at.Add(-1)))
	assert.True(t, c.endedAt(at))
	assert.False(t, (&content{}).endedAt(at))
}
