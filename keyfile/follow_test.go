//go:build unix

package keyfile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/keyfile"
)

const (
	often  = 20 * time.Millisecond
	seldom = time.Hour
	enough = 10 * time.Second // for whatever is to happen
)

// follower is a ring that follows a file, and what its observer has heard.
type follower struct {
	*hardtack.Keyring
	changes chan hardtack.KeyChange
	faults  chan error
	healed  chan struct{}
}

func follow(t *testing.T, f *keyfile.File, c hardtack.KeyringConfig) *follower {
	t.Helper()
	r := &follower{changes: make(chan hardtack.KeyChange, 1000), faults: make(chan error, 1000), healed: make(chan struct{}, 1000)}
	c.Observer = hardtack.KeyObserver{
		Changed:   func(_ context.Context, change hardtack.KeyChange) { r.changes <- change },
		Fault:     func(_ context.Context, err error) { r.faults <- err },
		Recovered: func(context.Context) { r.healed <- struct{}{} },
	}
	var err error
	r.Keyring, err = hardtack.OpenKeyring(t.Context(), f, c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return r
}

func await[T any](t *testing.T, c chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(enough):
		require.FailNow(t, "never: "+what)
		panic("not reached")
	}
}

// server is a Jar with a ring.
type server struct{ jar *hardtack.Jar[string] }

func serve(t *testing.T, ring *hardtack.Keyring) server {
	t.Helper()
	jar, err := hardtack.New[string](hardtack.Config{Keys: ring})
	require.NoError(t, err)
	return server{jar}
}

// cookie returns one of a new session.
func (s server) cookie(t *testing.T) *http.Cookie {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	session, err := s.jar.Get(r)
	require.ErrorIs(t, err, hardtack.ErrNoCookie)
	session.Data = "aboard"
	_, err = s.jar.Save(w, r, session)
	require.NoError(t, err)
	require.Len(t, w.Result().Cookies(), 1)
	return w.Result().Cookies()[0]
}

// accepts checks that the session of the cookie is found, and by which key.
func (s server) accepts(t *testing.T, cookie *http.Cookie) hardtack.KeyID {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(cookie)
	session, err := s.jar.Get(r)
	require.NoError(t, err)
	require.Equal(t, "aboard", session.Data)
	return session.KeyID()
}

// put puts the file there in one step.
func put(t *testing.T, path string, data []byte) {
	t.Helper()
	temp := path + "~"
	require.NoError(t, os.WriteFile(temp, data, 0o600))
	require.NoError(t, os.Rename(temp, path))
}

func read(t *testing.T, path string) (hardtack.KeySet, []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	s, err := hardtack.ParseKeySet(data)
	require.NoError(t, err)
	return s, data
}

// announce has another process, as it were, add a key that seals from now on.
func announce(t *testing.T, path string) (id hardtack.KeyID) {
	t.Helper()
	_, err := hardtack.UpdateKeys(t.Context(), keyfile.New(path, keyfile.Options{}), nil, func(s hardtack.KeySet) (hardtack.KeySet, error) {
		// A second later than the first key's, which may have been made this very second.
		s, id = s.Announce(s.Keys[0].Activate().Add(time.Second), time.Now())
		return s, nil
	})
	require.NoError(t, err)
	return id
}

// past returns the path of a file whose key was made an hour ago.
func past(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "folder", "keys.json")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	s, _ := hardtack.KeySet{}.Announce(time.Now().Add(-time.Hour), time.Now().Add(-time.Hour))
	data, err := s.Encode()
	require.NoError(t, err)
	put(t, path, data)
	return path
}

func TestChangeIsPickedUp(t *testing.T) {
	path := past(t)
	r := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: often})
	s := serve(t, r.Keyring)
	cookie := s.cookie(t)
	old := s.accepts(t, cookie)
	id := announce(t, path)
	change := await(t, r.changes, "a change")
	assert.Equal(t, hardtack.KeyChange{Added: []hardtack.KeyID{id}, Sealing: id}, change)
	assert.Equal(t, id, s.accepts(t, s.cookie(t)))
	assert.Equal(t, old, s.accepts(t, cookie))
	assert.Empty(t, r.faults)
}

func TestNothingIsReadAfterClose(t *testing.T) {
	path := past(t)
	r := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: often})
	require.NoError(t, r.Close())
	announce(t, path)
	time.Sleep(5 * often)
	assert.Len(t, r.Keys(), 1)
	assert.Empty(t, r.changes)
}

// What can be wrong with a file. None of it takes a key from a ring that runs; each keeps one from starting, and is over when it is over.
func TestBrokenFile(t *testing.T) {
	replace := func(old, new string) func(*testing.T, string, []byte) {
		return func(t *testing.T, path string, good []byte) {
			broken := strings.Replace(string(good), old, new, 1)
			require.NotEqual(t, string(good), broken)
			put(t, path, []byte(broken))
		}
	}
	become := func(data string) func(*testing.T, string, []byte) {
		return func(t *testing.T, path string, _ []byte) { put(t, path, []byte(data)) }
	}
	for _, c := range []struct {
		name string
		want error
		harm func(t *testing.T, path string, good []byte)
	}{
		{"empty", hardtack.ErrKeySet, become("")},
		{"blank", hardtack.ErrKeySet, become(" \n")},
		{"not JSON", hardtack.ErrKeySet, become("ahoy")},
		{"truncated", hardtack.ErrKeySet, func(t *testing.T, path string, good []byte) {
			require.NoError(t, os.Truncate(path, int64(len(good)/2)))
		}},
		{"half-written", hardtack.ErrKeyID, func(t *testing.T, path string, good []byte) {
			s, _ := hardtack.KeySet{}.Announce(time.Now().Add(-time.Hour), time.Now())
			other, err := s.Encode()
			require.NoError(t, err)
			half := bytes.Index(good, []byte(`"secret": "`)) + 20
			out, err := os.OpenFile(path, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = out.Write(other[:half])
			require.NoError(t, err)
			require.NoError(t, out.Close())
		}},
		{"twice", hardtack.ErrKeySet, func(t *testing.T, path string, good []byte) { put(t, path, append(good, good...)) }},
		{"wrong version", hardtack.ErrKeySet, replace(`"version": 1`, `"version": 2`)},
		{"unknown field", hardtack.ErrKeySet, replace(`"version": 1`, `"version": 1, "colour": "red"`)},
		{"wrong ID", hardtack.ErrKeyID, func(t *testing.T, path string, good []byte) {
			set, _ := read(t, path)
			replace(set.Keys[0].ID().String(), "0badc0de")(t, path, good)
		}},
		{"no key", hardtack.ErrNoUsableKey, become(`{"version": 1, "keys": []}`)},
		{"too long", keyfile.ErrFileSize, func(t *testing.T, path string, good []byte) {
			put(t, path, append(good, bytes.Repeat([]byte(" "), hardtack.MaxKeySetSize)...))
		}},
		{"mode", keyfile.ErrFileMode, func(t *testing.T, path string, _ []byte) { require.NoError(t, os.Chmod(path, 0o644)) }},
		{"removed", hardtack.ErrNoKeySet, func(t *testing.T, path string, _ []byte) { require.NoError(t, os.Remove(path)) }},
		{"folder removed", keyfile.ErrNoFolder, func(t *testing.T, path string, _ []byte) { require.NoError(t, os.RemoveAll(filepath.Dir(path))) }},
		{"a folder", keyfile.ErrNotRegular, func(t *testing.T, path string, _ []byte) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Mkdir(path, 0o700))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := past(t)
			_, good := read(t, path)
			r := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: often})
			s := serve(t, r.Keyring)
			cookie := s.cookie(t)
			id := s.accepts(t, cookie)

			c.harm(t, path, bytes.Clone(good))
			assert.ErrorIs(t, await(t, r.faults, "a fault"), c.want)
			assert.ErrorIs(t, r.Health().Err(), c.want)
			assert.Equal(t, id, r.Health().Sealing)
			assert.Equal(t, id, s.accepts(t, cookie))
			assert.Equal(t, id, s.accepts(t, s.cookie(t)))
			_, err := keyfile.Open(t.Context(), path, hardtack.KeyringConfig{MustExist: true})
			assert.ErrorIs(t, err, c.want)
			time.Sleep(3 * often)
			assert.Empty(t, r.faults, "said once")
			assert.Empty(t, r.healed)

			if info, err := os.Stat(path); err == nil && info.IsDir() {
				require.NoError(t, os.Remove(path))
			}
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			put(t, path, good)
			await(t, r.healed, "recovered")
			assert.NoError(t, r.Health().Err())
			next := announce(t, path)
			assert.Equal(t, []hardtack.KeyID{next}, await(t, r.changes, "a change").Added)
			assert.Equal(t, id, s.accepts(t, cookie))
		})
	}
}

// A writer that is not ours may stop anywhere.
func TestEveryPrefixIsBroken(t *testing.T) {
	path := past(t)
	announce(t, path)
	set, good := read(t, path)
	r := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: seldom})
	for n := range len(good) - 1 { // without the last byte, a newline, it is whole
		put(t, path, good[:n])
		require.ErrorIs(t, r.Refresh(t.Context()), hardtack.ErrKeySet, n)
		require.ErrorIs(t, r.Health().Err(), hardtack.ErrKeySet, n)
		require.Len(t, r.Keys(), len(set.Keys))
		_, err := keyfile.Open(t.Context(), path, hardtack.KeyringConfig{})
		require.ErrorIs(t, err, hardtack.ErrKeySet, n)
	}
	put(t, path, good[:len(good)-1])
	require.NoError(t, r.Refresh(t.Context()))
	require.NoError(t, r.Health().Err())
}

// mount is a folder as Kubernetes mounts secrets: the file is a link into ..data, which is a link to a folder with a date.
type mount struct {
	dir    string
	number int
}

func (m *mount) put(t *testing.T, data []byte) {
	t.Helper()
	before, _ := os.Readlink(filepath.Join(m.dir, "..data"))
	m.number++
	name := fmt.Sprintf("..2030_01_02_03_04_05.%d", m.number)
	require.NoError(t, os.Mkdir(filepath.Join(m.dir, name), 0o755))
	file := filepath.Join(m.dir, name, "keys.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	require.NoError(t, os.Chmod(file, 0o644))
	require.NoError(t, os.Symlink(name, filepath.Join(m.dir, "..data_tmp")))
	require.NoError(t, os.Rename(filepath.Join(m.dir, "..data_tmp"), filepath.Join(m.dir, "..data")))
	if before == "" {
		require.NoError(t, os.Symlink("..data/keys.json", filepath.Join(m.dir, "keys.json")))
	} else {
		require.NoError(t, os.RemoveAll(filepath.Join(m.dir, before)))
	}
}

func TestKubernetesSecret(t *testing.T) {
	m := &mount{dir: t.TempDir()}
	path := filepath.Join(m.dir, "keys.json")
	now := time.Now().Truncate(time.Second)
	set, _ := hardtack.KeySet{Retain: 25 * time.Hour}.Announce(now.Add(-time.Hour), now)
	encoded := func() []byte {
		data, err := set.Encode()
		require.NoError(t, err)
		return data
	}
	m.put(t, encoded())
	_, err := keyfile.Open(t.Context(), path, hardtack.KeyringConfig{})
	require.ErrorIs(t, err, keyfile.ErrFileMode)

	r := follow(t, keyfile.New(path, keyfile.Options{InsecureFileMode: true}), hardtack.KeyringConfig{Interval: often})
	s := serve(t, r.Keyring)
	cookie := s.cookie(t)
	for i := range 20 {
		var id hardtack.KeyID
		set, id = set.Announce(now.Add(time.Duration(i-30)*time.Second), now)
		m.put(t, encoded())
		change := await(t, r.changes, "a change")
		require.Equal(t, hardtack.KeyChange{Added: []hardtack.KeyID{id}, Sealing: id}, change)
		s.accepts(t, cookie)
	}
	assert.Empty(t, r.faults)
}

// A second server seals with a key of which the first has not heard: it looks at once.
func TestUnknownKey(t *testing.T) {
	path := past(t)
	first := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: seldom})
	second := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: seldom})
	one, two := serve(t, first.Keyring), serve(t, second.Keyring)
	id := announce(t, path)
	require.NoError(t, second.Refresh(t.Context()))
	cookie := two.cookie(t)
	require.Len(t, first.Keys(), 1, "has not heard of it")
	assert.Equal(t, id, one.accepts(t, cookie))
	assert.Len(t, first.Keys(), 2)

	// Told not to look, it does not: so the look it was.
	deaf := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: seldom, NoReread: true})
	announce(t, path)
	require.NoError(t, second.Refresh(t.Context()))
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(two.cookie(t))
	_, err := serve(t, deaf.Keyring).jar.Get(r)
	assert.ErrorIs(t, err, hardtack.ErrUnknownKey)
}

// A restored backup takes no key away.
func TestFileGoesBackInTime(t *testing.T) {
	path := past(t)
	_, backup := read(t, path)
	r := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: often})
	s := serve(t, r.Keyring)
	id := announce(t, path)
	_, current := read(t, path)
	await(t, r.changes, "a change")
	cookie := s.cookie(t)
	require.Equal(t, id, s.accepts(t, cookie))

	put(t, path, backup)
	fault := await(t, r.faults, "a fault")
	assert.ErrorIs(t, fault, hardtack.ErrKeyMissing)
	var of *hardtack.KeyError
	require.ErrorAs(t, fault, &of)
	assert.Equal(t, id, of.ID)
	assert.ErrorIs(t, r.Health().Err(), hardtack.ErrKeyMissing)
	assert.Equal(t, id, s.accepts(t, cookie))

	put(t, path, current)
	await(t, r.healed, "recovered")
	assert.NoError(t, r.Health().Err())
	assert.Equal(t, id, s.accepts(t, cookie))
}

// A server with a policy puts back what a restored backup, or a deleted file, has lost.
func TestRotationHeals(t *testing.T) {
	for name, want := range map[string]error{"backup": hardtack.ErrKeyMissing, "deleted": hardtack.ErrNoKeySet} {
		t.Run(name, func(t *testing.T) {
			path := past(t)
			_, backup := read(t, path)
			id := announce(t, path)
			r := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: often, Rotation: &hardtack.RotationPolicy{}})
			s := serve(t, r.Keyring)
			cookie := s.cookie(t)
			require.Equal(t, id, s.accepts(t, cookie))
			if name == "backup" {
				put(t, path, backup)
			} else {
				require.NoError(t, os.Remove(path))
			}
			assert.ErrorIs(t, await(t, r.faults, "a fault"), want)
			require.Eventually(t, func() bool {
				data, err := os.ReadFile(path)
				if errors.Is(err, os.ErrNotExist) {
					return false
				}
				require.NoError(t, err)
				set, err := hardtack.ParseKeySet(data)
				require.NoError(t, err)
				_, there := set.Find(id)
				return there
			}, enough, often)
			assert.Equal(t, id, s.accepts(t, cookie))
			require.Eventually(t, func() bool { return r.Health().Err() == nil }, enough, often)

			fresh := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: seldom})
			assert.Equal(t, id, serve(t, fresh.Keyring).accepts(t, cookie), "a server that starts afterwards")
		})
	}
}

// A revocation by one server reaches the other through the file.
func TestRevocationSpreads(t *testing.T) {
	path := past(t)
	first := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: often})
	second := follow(t, keyfile.New(path, keyfile.Options{}), hardtack.KeyringConfig{Interval: often})
	one, two := serve(t, first.Keyring), serve(t, second.Keyring)
	cookie := one.cookie(t)
	id := two.accepts(t, cookie)
	require.NoError(t, first.Revoke(t.Context(), id))
	change := await(t, second.changes, "a change")
	assert.Equal(t, []hardtack.KeyID{id}, change.Revoked)
	require.Len(t, change.Added, 1, "its successor")
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(cookie)
	_, err := two.jar.Get(r)
	assert.ErrorIs(t, err, hardtack.ErrRevokedKey)
	assert.Equal(t, change.Added[0], one.accepts(t, two.cookie(t)))
}
