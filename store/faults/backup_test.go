//go:build unix

package faults

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/faulttest"
	"github.com/hardtack-go/hardtack/internal/seal"
)

func isTombstone(data []byte) bool { return seal.IsTombstone(data) }

// A restored backup serves no state that is older than the cookie says. What the cookie does not know is not noticed: that
// a session was saved in place since, or ended.
func testBackup(t *testing.T, p *place, prefix string) {
	s := p.open(t, prefix)
	d := newDesk(t, s)
	older := d.set(d.stored("ann"), 1)
	same := d.set(d.stored("bob"), 1)
	inPlace := d.set(d.stored("joe"), 1)
	ended := d.stored("eve")
	require.NoError(t, s.Close())
	restore := p.backup(t, prefix)

	s = p.open(t, prefix)
	d.use(s)
	newer := returned(d, older)
	stored := d.stored("new")
	require.Equal(t, inPlace, d.set(inPlace, 2), "the cookie knows of the save")
	leaving := d.must(ended)
	require.NoError(t, d.jar.Delete(leaving.w, leaving.r, leaving.s))
	d.refused(ended, hardtack.ErrEnded)
	require.NoError(t, s.Close())
	restore()

	d.use(p.open(t, prefix))
	d.refused(newer, hardtack.ErrRecordMissing)
	d.refused(stored, hardtack.ErrRecordMissing)
	require.Equal(t, 1, d.must(same).s.Data.Serial)
	require.Equal(t, 1, d.must(inPlace).s.Data.Serial, "the backup has the state before")
	require.Equal(t, "eve", d.must(ended).s.Data.Owner, "the backup has no tombstone")
	v := d.visit(newer)
	require.ErrorIs(t, v.err, hardtack.ErrRecordMissing)
	require.Empty(t, v.w.Result().Cookies(), "a refusal deletes no cookie")
}

// returned has a session go into its cookie and back into the store, so that the client holds a reference to its newest
// revision, and returns that.
func returned(d *desk, cookie string) string {
	d.t.Helper()
	for _, note := range []int{faulttest.Small, faulttest.Large} {
		v := d.must(cookie)
		v.s.Data.Serial++
		v.s.Data.Note = strings.Repeat("n", note)
		require.NoError(d.t, v.save())
		cookie = v.cookie()
	}
	return cookie
}

// A record in the place of another session's is refused.
func testSwapped(t *testing.T, p *place, prefix string) {
	d := newDesk(t, p.open(t, prefix))
	ann, bob := d.stored("ann"), d.stored("bob")
	raw := p.raw(t, prefix)
	raw.swap(t, d.locator(ann), d.locator(bob))
	d.refused(ann, hardtack.ErrForged)
	d.refused(bob, hardtack.ErrForged)
	raw.swap(t, d.locator(ann), d.locator(bob))
	require.Equal(t, "ann", d.must(ann).s.Data.Owner)
	require.Equal(t, "bob", d.must(bob).s.Data.Owner)
}

// Neither the rows nor the files nor the logs of a server show anything of a session but its locator.
func testSecrets(t *testing.T, p *place, prefix string) {
	marker := strings.Repeat("plaintext-of-the-session.", 200)
	const subject = "a-subject-in-the-clear"
	s := p.open(t, prefix)
	d := newDesk(t, s)
	v := d.visit("")
	v.s.Data.Note = marker
	v.s.SetSubject(subject)
	require.NoError(t, v.save())
	require.Equal(t, hardtack.InStore, v.s.Placement().Where)
	cookie := d.set(v.cookie(), 1)
	v = d.must(cookie)
	locator := d.locator(cookie)
	secrets := map[string]string{
		"plaintext": marker[:25], "subject": subject, "session ID": v.s.ID(), "audience": audience, "cookie": cookie[len(cookie)-40:],
	}
	look := func(where string, text []byte) (found bool) {
		for what, secret := range secrets {
			assert.False(t, bytes.Contains(text, []byte(secret)), "the %s is in %s", what, where)
		}
		return bytes.Contains(text, []byte(locator))
	}

	rows := 0
	for _, row := range p.raw(t, prefix).all(t) {
		if look("a row", []byte(row)) {
			rows++
		}
	}
	assert.GreaterOrEqual(t, rows, 2, "the record and its entry in the index")

	p.flush(t)
	lookInFiles := func() {
		t.Helper()
		there := false
		require.NoError(t, filepath.WalkDir(p.dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil // it has gone meanwhile
			}
			data, _ := os.ReadFile(path)
			there = look(filepath.Base(path), data) || there
			return nil
		}))
		assert.True(t, there, "this is not where the server keeps its data")
	}
	lookInFiles()
	if p.server != nil {
		require.NotEmpty(t, p.server.Log())
		look("the server's log", []byte(p.server.Log()))
	}
	require.NoError(t, s.Close())
	lookInFiles()
}

// Who logs out everywhere is found also where the key has been rotated since.
func testEndAll(t *testing.T, p *place, prefix string) {
	d := newDesk(t, p.open(t, prefix))
	first := d.keys.Keys()[0]
	cookie, other := d.stored("ann"), d.stored("bob")
	second := hardtack.GenerateKey(time.Now().Add(-25*time.Hour), time.Time{}) // so that the first may be gone by now
	require.NoError(t, d.keys.Replace(first, second))

	v := d.must(cookie)
	_, err := d.jar.Touch(v.w, v.r, v.s)
	require.NoError(t, err)
	require.NotEqual(t, cookie, v.cookie(), "the touch did not move the cookie to the new key")
	cookie = v.cookie()
	gone, err := hardtack.NewKey(first.ExposeSecret(), first.Activate(), time.Now().Add(-time.Second))
	require.NoError(t, err)
	require.NoError(t, d.keys.Replace(gone, second))
	require.Equal(t, second.ID(), d.must(cookie).s.KeyID())
	d.refused(other, hardtack.ErrUnknownKey)

	ended, err := d.jar.EndAll(t.Context(), "ann")
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	d.refused(cookie, hardtack.ErrEnded)
}
