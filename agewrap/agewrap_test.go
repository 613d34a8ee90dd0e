package agewrap_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/agewrap"
)

var secret = []byte("thirty-two bytes that are secret")

func newIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	i, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return i
}

func newWrapper(t testing.TB, recipients []age.Recipient, identities []age.Identity) *agewrap.Wrapper {
	t.Helper()
	w, err := agewrap.New(recipients, identities)
	require.NoError(t, err)
	return w
}

// newPassphrase has scrypt do little: the default takes a second each time.
func newPassphrase(t testing.TB, passphrase string, options ...agewrap.PassphraseOption) *agewrap.Wrapper {
	t.Helper()
	w, err := agewrap.NewPassphrase(passphrase, append([]agewrap.PassphraseOption{agewrap.WorkFactor(8)}, options...)...)
	require.NoError(t, err)
	return w
}

func wrapped(t testing.TB, w *agewrap.Wrapper) []byte {
	t.Helper()
	data, err := w.Wrap(t.Context(), secret)
	require.NoError(t, err)
	return data
}

// wrappers are one of each kind, by name.
func wrappers(t *testing.T) map[string]*agewrap.Wrapper {
	x := newIdentity(t)
	hybrid, err := age.GenerateHybridIdentity()
	require.NoError(t, err)
	return map[string]*agewrap.Wrapper{
		"X25519":     newWrapper(t, []age.Recipient{x.Recipient()}, []age.Identity{x}),
		"hybrid":     newWrapper(t, []age.Recipient{hybrid.Recipient()}, []age.Identity{hybrid}),
		"passphrase": newPassphrase(t, "correct horse"),
	}
}

func TestRoundTrip(t *testing.T) {
	for name, w := range wrappers(t) {
		t.Run(name, func(t *testing.T) {
			given := bytes.Clone(secret)
			data, err := w.Wrap(t.Context(), given)
			require.NoError(t, err)
			assert.Equal(t, secret, given, "Wrap leaves its argument alone")
			assert.NotContains(t, string(data), string(secret))
			assert.NotEqual(t, data, wrapped(t, w), "each time it is other bytes")

			kept := bytes.Clone(data)
			got, err := w.Unwrap(t.Context(), data)
			require.NoError(t, err)
			assert.Equal(t, secret, got)
			assert.Equal(t, kept, data, "Unwrap leaves its argument alone")
		})
	}
}

func TestSeveralRecipients(t *testing.T) {
	a, b, stranger := newIdentity(t), newIdentity(t), newIdentity(t)
	data := wrapped(t, newWrapper(t, []age.Recipient{a.Recipient(), b.Recipient()}, nil))
	for _, identities := range [][]age.Identity{{a}, {b}, {stranger, b}, {a, stranger}} {
		got, err := newWrapper(t, nil, identities).Unwrap(t.Context(), data)
		require.NoError(t, err)
		assert.Equal(t, secret, got)
	}
	_, err := newWrapper(t, nil, []age.Identity{stranger}).Unwrap(t.Context(), data)
	assert.ErrorIs(t, err, agewrap.ErrWrongIdentity)
}

func TestHalves(t *testing.T) {
	i := newIdentity(t)
	reader := newWrapper(t, nil, []age.Identity{i})
	writer := newWrapper(t, []age.Recipient{i.Recipient()}, nil)
	_, err := reader.Wrap(t.Context(), secret)
	assert.ErrorIs(t, err, agewrap.ErrNoRecipients)
	_, err = writer.Unwrap(t.Context(), wrapped(t, writer))
	assert.ErrorIs(t, err, agewrap.ErrNoIdentities)
	got, err := reader.Unwrap(t.Context(), wrapped(t, writer))
	require.NoError(t, err)
	assert.Equal(t, secret, got)

	_, err = agewrap.New(nil, nil)
	assert.ErrorIs(t, err, agewrap.ErrNoRecipients)
	assert.ErrorIs(t, err, agewrap.ErrNoIdentities)
	_, err = agewrap.New([]age.Recipient{nil}, nil)
	assert.ErrorIs(t, err, agewrap.ErrNoRecipients)
	_, err = agewrap.New(nil, []age.Identity{i, nil})
	assert.ErrorIs(t, err, agewrap.ErrNoIdentities)

	var zero agewrap.Wrapper
	_, err = zero.Wrap(t.Context(), secret)
	assert.ErrorIs(t, err, agewrap.ErrNoRecipients)
	_, err = zero.Unwrap(t.Context(), nil)
	assert.ErrorIs(t, err, agewrap.ErrNoIdentities)
	assert.Contains(t, fmt.Sprint(zero), "0 identities")
}

func TestNewCopiesItsSlices(t *testing.T) {
	i := newIdentity(t)
	recipients, identities := []age.Recipient{i.Recipient()}, []age.Identity{i}
	w := newWrapper(t, recipients, identities)
	recipients[0], identities[0] = newIdentity(t).Recipient(), newIdentity(t)
	got, err := w.Unwrap(t.Context(), wrapped(t, w))
	require.NoError(t, err)
	assert.Equal(t, secret, got)
}

// What age itself makes and reads of it is the same.
func TestInteroperatesWithTheLibrary(t *testing.T) {
	i := newIdentity(t)
	w := newWrapper(t, []age.Recipient{i.Recipient()}, []age.Identity{i})
	passphrase := newPassphrase(t, "correct horse")
	scryptIdentity, err := age.NewScryptIdentity("correct horse")
	require.NoError(t, err)
	scryptRecipient, err := age.NewScryptRecipient("correct horse")
	require.NoError(t, err)
	scryptRecipient.SetWorkFactor(6)

	for name, c := range map[string]struct {
		w *agewrap.Wrapper
		r age.Recipient
		i age.Identity
	}{
		"X25519":     {w, i.Recipient(), i},
		"passphrase": {passphrase, scryptRecipient, scryptIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := age.Decrypt(bytes.NewReader(wrapped(t, c.w)), c.i)
			require.NoError(t, err)
			got, err := io.ReadAll(r)
			require.NoError(t, err)
			assert.Equal(t, secret, got)

			got, err = c.w.Unwrap(t.Context(), encrypted(t, secret, c.r))
			require.NoError(t, err)
			assert.Equal(t, secret, got)
		})
	}
}

func encrypted(t testing.TB, data []byte, r age.Recipient) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := age.Encrypt(&file, r)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return file.Bytes()
}

func TestUnwrapRefuses(t *testing.T) {
	i := newIdentity(t)
	w := newWrapper(t, []age.Recipient{i.Recipient()}, []age.Identity{i})
	for name, c := range map[string]struct {
		data []byte
		is   error
	}{
		"nothing":            {nil, agewrap.ErrMalformed},
		"a secret unwrapped": {secret, agewrap.ErrMalformed},
		"a short secret":     {encrypted(t, secret[1:], i.Recipient()), agewrap.ErrMalformed},
		"a long secret":      {encrypted(t, append(bytes.Clone(secret), 0), i.Recipient()), agewrap.ErrMalformed},
		"an empty secret":    {encrypted(t, nil, i.Recipient()), agewrap.ErrMalformed},
		"too much":           {encrypted(t, make([]byte, 8192), i.Recipient()), agewrap.ErrMalformed},
		"another's":          {encrypted(t, secret, newIdentity(t).Recipient()), agewrap.ErrWrongIdentity},
		"a passphrase's":     {wrapped(t, newPassphrase(t, "x")), agewrap.ErrWrongIdentity},
		"one byte more":      {append(wrapped(t, w), 0), agewrap.ErrMalformed},
	} {
		got, err := w.Unwrap(t.Context(), c.data)
		assert.ErrorIs(t, err, c.is, name)
		assert.Nil(t, got, name)
	}
}

// Every byte counts, and every length.
func TestUnwrapRefusesWhatWasAltered(t *testing.T) {
	i := newIdentity(t)
	for name, w := range map[string]*agewrap.Wrapper{
		"X25519":     newWrapper(t, []age.Recipient{i.Recipient()}, []age.Identity{i}),
		"passphrase": newPassphrase(t, "correct horse", agewrap.WorkFactor(4)),
	} {
		t.Run(name, func(t *testing.T) {
			data := wrapped(t, w)
			for at := range data {
				altered := bytes.Clone(data)
				altered[at] ^= 1
				_, err := w.Unwrap(t.Context(), altered)
				require.Error(t, err, "byte %d", at)
				require.True(t, known(err), "byte %d: %v", at, err)
				_, err = w.Unwrap(t.Context(), data[:at])
				require.ErrorIs(t, err, agewrap.ErrMalformed, "the first %d bytes", at)
			}
		})
	}
}

// known: errors of ours, or of an identity that did not understand the stanza that was meant for it.
func known(err error) bool {
	return errors.Is(err, agewrap.ErrMalformed) || errors.Is(err, agewrap.ErrWrongIdentity) ||
		errors.Is(err, agewrap.ErrWorkFactor) || strings.HasPrefix(err.Error(), "agewrap: ")
}

func TestErrorsQuoteNothing(t *testing.T) {
	i := newIdentity(t)
	w := newWrapper(t, []age.Recipient{i.Recipient()}, []age.Identity{i})
	for _, data := range []string{
		"hidden", "hidden\n", "age-encryption.org/v1\nhidden", "age-encryption.org/v1\n-> hidden hidden\nhidden\n--- hidden",
		"age-encryption.org/v1\n--- hidden\n",
	} {
		_, err := w.Unwrap(t.Context(), []byte(data))
		require.ErrorIs(t, err, agewrap.ErrMalformed)
		assert.NotContains(t, err.Error(), "hidden")
	}
}

func TestSizes(t *testing.T) {
	var recipients []age.Recipient
	for range 4 {
		i, err := age.GenerateHybridIdentity()
		require.NoError(t, err)
		recipients = append(recipients, i.Recipient())
	}
	w := newWrapper(t, recipients[:1], nil)
	for _, n := range []int{0, 31, 33} {
		_, err := w.Wrap(t.Context(), make([]byte, n))
		assert.ErrorIs(t, err, agewrap.ErrSize, n)
	}
	_, err := newWrapper(t, recipients, nil).Wrap(t.Context(), secret)
	require.NoError(t, err)
	_, err = newWrapper(t, append(recipients, recipients...), nil).Wrap(t.Context(), secret)
	assert.ErrorIs(t, err, agewrap.ErrSize)
	assert.ErrorContains(t, err, "8 recipients")
}

func TestPassphrase(t *testing.T) {
	data := wrapped(t, newPassphrase(t, "correct horse"))
	_, err := newPassphrase(t, "correct house").Unwrap(t.Context(), data)
	assert.ErrorIs(t, err, agewrap.ErrWrongIdentity)

	_, err = agewrap.NewPassphrase("")
	assert.ErrorIs(t, err, agewrap.ErrPassphrase)
	for name, options := range map[string][]agewrap.PassphraseOption{
		"too little":              {agewrap.WorkFactor(0)},
		"too much":                {agewrap.WorkFactor(23)},
		"more than all memory":    {agewrap.MaxWorkFactor(23)},
		"negative":                {agewrap.MaxWorkFactor(-1)},
		"what it could not read":  {agewrap.WorkFactor(12), agewrap.MaxWorkFactor(11)},
		"the default, not enough": {agewrap.MaxWorkFactor(17)},
	} {
		_, err := agewrap.NewPassphrase("x", options...)
		assert.ErrorIs(t, err, agewrap.ErrWorkFactor, name)
	}
}

// Somebody who can write to the store cannot make a server take minutes and all memory.
func TestWorkFactorIsBounded(t *testing.T) {
	w := newPassphrase(t, "correct horse", agewrap.MaxWorkFactor(9))
	_, err := w.Unwrap(t.Context(), wrapped(t, newPassphrase(t, "correct horse", agewrap.WorkFactor(9))))
	require.NoError(t, err)
	data := wrapped(t, newPassphrase(t, "correct horse", agewrap.WorkFactor(10)))
	_, err = w.Unwrap(t.Context(), data)
	require.ErrorIs(t, err, agewrap.ErrWorkFactor)
	assert.ErrorContains(t, err, "10, more than the 9")

	for _, huge := range []string{"23", "30", "99", "99999999999999999999"} {
		file := bytes.Replace(data, []byte(" 10\n"), []byte(" "+huge+"\n"), 1)
		require.NotEqual(t, data, file)
		_, err := newPassphrase(t, "correct horse").Unwrap(t.Context(), file)
		assert.Error(t, err, huge)
	}
}

// Who knows nothing but the recipient can make what a Wrapper on recipients accepts, not what one on a passphrase does. This is what the
// documentation warns of.
func TestWhoCanWrite(t *testing.T) {
	i := newIdentity(t)
	forged := encrypted(t, secret, i.Recipient())
	_, err := newWrapper(t, nil, []age.Identity{i}).Unwrap(t.Context(), forged)
	assert.NoError(t, err)
	_, err = newPassphrase(t, "correct horse").Unwrap(t.Context(), forged)
	assert.ErrorIs(t, err, agewrap.ErrWrongIdentity)
}

type brokenIdentity struct{ err error }

func (b brokenIdentity) Unwrap([]*age.Stanza) ([]byte, error) { return nil, b.err }

type brokenRecipient struct{ err error }

func (b brokenRecipient) Wrap([]byte) ([]*age.Stanza, error) { return nil, b.err }

// The errors of other people's recipients and identities, a hardware key that was pulled, arrive.
func TestErrorsOfOthers(t *testing.T) {
	pulled := errors.New("the key was pulled")
	_, err := newWrapper(t, nil, []age.Identity{brokenIdentity{pulled}}).Unwrap(t.Context(), wrapped(t, newPassphrase(t, "x")))
	assert.ErrorIs(t, err, pulled)
	_, err = newWrapper(t, []age.Recipient{brokenRecipient{pulled}}, nil).Wrap(t.Context(), secret)
	assert.ErrorContains(t, err, "pulled")
}

func TestContext(t *testing.T) {
	cause := errors.New("the cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	w := newPassphrase(t, "x")
	_, err := w.Wrap(ctx, secret)
	assert.ErrorIs(t, err, cause)
	_, err = w.Unwrap(ctx, wrapped(t, w))
	assert.ErrorIs(t, err, cause)
}

// gate is a Recipient that waits, and counts who is in it.
type gate struct {
	age.Recipient
	entered, leave chan struct{}
}

func (g *gate) Wrap(key []byte) ([]*age.Stanza, error) {
	g.entered <- struct{}{}
	<-g.leave
	return g.Recipient.Wrap(key)
}

// One thing at a time: those who wait give up with their context.
func TestOneAtATime(t *testing.T) {
	i := newIdentity(t)
	g := &gate{i.Recipient(), make(chan struct{}), make(chan struct{})}
	w := newWrapper(t, []age.Recipient{g}, []age.Identity{i})
	var first sync.WaitGroup
	first.Go(func() {
		_, err := w.Wrap(context.Background(), secret)
		assert.NoError(t, err)
	})
	<-g.entered
	ctx, cancel := context.WithCancel(t.Context())
	var second sync.WaitGroup
	second.Go(func() {
		_, err := w.Unwrap(ctx, []byte("anything"))
		assert.ErrorIs(t, err, context.Canceled)
	})
	cancel()
	second.Wait()
	close(g.leave)
	first.Wait()
}

func TestConcurrently(t *testing.T) {
	i := newIdentity(t)
	w := newWrapper(t, []age.Recipient{i.Recipient()}, []age.Identity{i})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			data, err := w.Wrap(context.Background(), secret)
			assert.NoError(t, err)
			got, err := w.Unwrap(context.Background(), data)
			assert.NoError(t, err)
			assert.Equal(t, secret, got)
		})
	}
	all.Wait()
}

func TestNothingSecretIsPrinted(t *testing.T) {
	i := newIdentity(t)
	keys := newWrapper(t, []age.Recipient{i.Recipient()}, []age.Identity{i})
	passphrase := newPassphrase(t, "correct horse")
	// Every form in which a []byte or string could show: text, decimal, hexadecimal.
	hidden := []string{
		i.String(), "correct horse", fmt.Sprint([]byte("correct horse")), fmt.Sprintf("%x", "correct horse"),
		strings.Trim(fmt.Sprint([]byte("correct horse")), "[]"), "0x63, 0x6f",
	}
	for _, w := range []*agewrap.Wrapper{keys, passphrase} {
		type inner struct{ w *agewrap.Wrapper }
		type value struct{ w agewrap.Wrapper }
		type Outer struct{ W *agewrap.Wrapper }
		var text strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%t", "%p", "%T", "%e"} {
			for _, v := range []any{w, *w, inner{w}, &inner{w}, value{*w}, &value{*w}, Outer{w}, []any{w}, map[string]any{"w": w}} {
				fmt.Fprintf(&text, verb+"\n", v)
			}
		}
		for _, v := range []any{w, *w, Outer{w}, []*agewrap.Wrapper{w}} {
			data, err := json.Marshal(v)
			require.NoError(t, err)
			text.Write(data)
			for _, h := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&text, nil)} {
				slog.New(h).Info("it", "w", v)
			}
		}
		for _, h := range hidden {
			assert.NotContains(t, text.String(), h)
		}
		assert.Contains(t, text.String(), "1 recipients, 1 identities")
	}
}
