// Package agewrap keeps the keys of a session cookie's ring encrypted with age (age-encryption.org)
// where they are stored: it is a hardtack.KeyWrapper.
//
// # Which one
//
// Whoever can read the store gets nothing from either. They differ in what somebody can do who can WRITE to it:
//
//   - NewPassphrase: nothing can be slipped in. An age file made with a passphrase can only be made by somebody who knows it.
//   - New with public recipients (X25519, hybrid, SSH): a recipient is public, so anybody who knows it can encrypt for it. Who
//     can write to the store and knows the recipient can add a key of his own, which every server then accepts: HE CAN FORGE
//     SESSIONS. Use it where those who can write may also have the keys, and the rest can only read, such as backups and
//     replicas. Otherwise take NewPassphrase or a key management service.
//
// No wrapper protects what stands beside the secrets. Who can write can take keys away, put back an older document,
// a revoked key with it, and change from when to when a key is used.
//
// # What it costs
//
// A passphrase goes through scrypt, one to three seconds and 256 MiB for each key at the default work factor of 18; keys of age itself
// take well under a millisecond. A ring remembers what it has unwrapped, so that it pays once for each key, when it starts and when it
// rotates. hardtack.KeyringConfig.Timeout, 5 s by default, must leave room for all keys at once. A
// passphrase that is random, 16 bytes or more, does not need scrypt's work: WorkFactor(10) makes it milliseconds.
package agewrap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"filippo.io/age"
	"github.com/hardtack-go/hardtack"
)

// Errors of New, NewPassphrase, Wrap and Unwrap. They work with errors.Is.
var (
	// ErrNoRecipients: Wrap was called on a Wrapper that only unwraps.
	ErrNoRecipients = errors.New("agewrap: no recipients to wrap for")
	// ErrNoIdentities: Unwrap was called on a Wrapper that only wraps.
	ErrNoIdentities = errors.New("agewrap: no identities to unwrap with")
	// ErrWrongIdentity: the secret was wrapped for somebody else, or with another passphrase.
	ErrWrongIdentity = errors.New("agewrap: wrapped for another identity or passphrase")
	// ErrMalformed: what was to be unwrapped is not an age file of one secret, or was altered.
	ErrMalformed = errors.New("agewrap: not a wrapped secret, or altered")
	// ErrSize: Wrap was given something else than 32 bytes, or has so many recipients that more than 8192 would come of it.
	ErrSize = errors.New("agewrap: wrong size")
	// ErrWorkFactor: the scrypt work factor is out of range, or that of a wrapped secret higher than MaxWorkFactor.
	ErrWorkFactor = errors.New("agewrap: scrypt work factor")
	// ErrPassphrase: the passphrase is empty.
	ErrPassphrase = errors.New("agewrap: the passphrase is empty")
)

// maxWrapped is the most that a hardtack.KeySet holds of one key, in bytes.
const maxWrapped = 8192

// Wrapper wraps and unwraps the secrets of keys. It is safe for concurrent use and does one thing at a time, so that
// several scrypts do not take their memory at once, and recipients and identities need not be safe for
// concurrent use. However it is printed, neither a passphrase nor an identity is. The zero Wrapper has neither recipients nor identities.
type Wrapper struct {
	// Behind a pointer, and identities behind more: fmt follows one where a verb does not fit.
	*parts
}

type parts struct {
	recipients []age.Recipient
	identities []age.Identity
	busy       chan struct{}
}

var _ hardtack.KeyWrapper = (*Wrapper)(nil)

// New returns a Wrapper that wraps for all recipients, each of whom can unwrap, and unwraps with whichever identity fits,
// tried in this order. A server that only reads keys needs no recipients, a tool that only adds some no identities; what is then
// not possible gives ErrNoRecipients or ErrNoIdentities. So does New itself if both are missing or one is nil.
// It copies the slices.
//
// Recipients that are public keep readers out, not writers: see the package's documentation.
func New(recipients []age.Recipient, identities []age.Identity) (*Wrapper, error) {
	switch {
	case len(recipients)+len(identities) == 0:
		return nil, fmt.Errorf("%w, %w", ErrNoRecipients, ErrNoIdentities)
	case slices.Contains(recipients, nil):
		return nil, fmt.Errorf("%w: one is nil", ErrNoRecipients)
	case slices.Contains(identities, nil):
		return nil, fmt.Errorf("%w: one is nil", ErrNoIdentities)
	}
	p := &parts{recipients: slices.Clone(recipients), busy: make(chan struct{}, 1)}
	for _, i := range identities {
		p.identities = append(p.identities, &marked{i})
	}
	return &Wrapper{p}, nil
}

// Wrap encrypts the 32 bytes of a secret as a binary age file. ctx bounds the waiting for other calls; scrypt cannot be interrupted. The errors are
// ErrNoRecipients, ErrSize, ctx's cause and those of the recipients.
func (w *Wrapper) Wrap(ctx context.Context, secret []byte) ([]byte, error) {
	switch {
	case w.parts == nil || len(w.recipients) == 0:
		return nil, ErrNoRecipients
	case len(secret) != hardtack.SecretSize:
		return nil, fmt.Errorf("%w: a secret of %d bytes, not %d", ErrSize, len(secret), hardtack.SecretSize)
	}
	if err := w.acquire(ctx); err != nil {
		return nil, err
	}
	defer w.release()
	var wrapped bytes.Buffer
	file, err := age.Encrypt(&wrapped, w.recipients...)
	if err != nil {
		return nil, fmt.Errorf("agewrap: %w", err)
	}
	if _, err := file.Write(secret); err != nil {
		return nil, fmt.Errorf("agewrap: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("agewrap: %w", err)
	}
	if wrapped.Len() > maxWrapped {
		return nil, fmt.Errorf("%w: %d recipients make %d bytes of a secret, %d are the most", ErrSize, len(w.recipients), wrapped.Len(), maxWrapped)
	}
	return wrapped.Bytes(), nil
}

// Unwrap returns the secret in a binary age file, whoever has made it. ctx is as in Wrap. The errors are ErrNoIdentities, ErrWrongIdentity,
// ErrMalformed, ErrWorkFactor, ctx's cause and those of the identities.
func (w *Wrapper) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	switch {
	case w.parts == nil || len(w.identities) == 0:
		return nil, ErrNoIdentities
	case len(wrapped) > maxWrapped:
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrMalformed, len(wrapped), maxWrapped)
	}
	if err := w.acquire(ctx); err != nil {
		return nil, err
	}
	defer w.release()
	file, err := age.Decrypt(bytes.NewReader(wrapped), w.identities...)
	if err != nil {
		return nil, harmless(err)
	}
	// One byte more than a secret, so that the end is looked for, and authenticated.
	secret, err := io.ReadAll(io.LimitReader(file, hardtack.SecretSize+1))
	if err != nil || len(secret) != hardtack.SecretSize {
		return nil, ErrMalformed
	}
	return secret, nil
}

func (p *parts) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case p.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *parts) release() { <-p.busy }

// marked is an Identity whose errors can be told from those of the file's format.
type marked struct{ age.Identity }

type identityError struct{ error }

func (e *identityError) Unwrap() error { return e.error }

func (m *marked) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	key, err := m.Identity.Unwrap(stanzas)
	if err != nil {
		return nil, &identityError{err}
	}
	return key, nil
}

// harmless returns err without what age quotes of a broken file, which could be anything, a secret in the clear included.
func harmless(err error) error {
	var none *age.NoIdentityMatchError
	var identity *identityError
	switch {
	case errors.As(err, &none):
		return ErrWrongIdentity
	case errors.Is(err, ErrWorkFactor):
		return err
	case errors.As(err, &identity):
		return fmt.Errorf("agewrap: %w", identity.error)
	}
	return ErrMalformed
}

// String says how many recipients and identities there are.
func (w Wrapper) String() string {
	if w.parts == nil {
		return "agewrap.Wrapper(0 recipients, 0 identities)"
	}
	return fmt.Sprintf("agewrap.Wrapper(%d recipients, %d identities)", len(w.recipients), len(w.identities))
}

// Format prints String for every verb.
func (w Wrapper) Format(f fmt.State, _ rune) { io.WriteString(f, w.String()) }

// LogValue logs String.
func (w Wrapper) LogValue() slog.Value { return slog.StringValue(w.String()) }

// MarshalText returns String, so that JSON shows no secret either.
func (w Wrapper) MarshalText() ([]byte, error) { return []byte(w.String()), nil }
