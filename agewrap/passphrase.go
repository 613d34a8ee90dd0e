package agewrap

import (
	"fmt"
	"strconv"

	"filippo.io/age"
)

const (
	defaultWorkFactor = 18 // about a second and 256 MiB
	// maxWorkFactor is as far as the options go: 4 GiB.
	maxWorkFactor = 22
)

// PassphraseOption is an option of NewPassphrase.
type PassphraseOption func(*workFactors)

type workFactors struct{ wrap, unwrap int }

// WorkFactor makes Wrap do 2^n steps of scrypt, each of which needs 1 KiB of memory; 18 by default, 1 to 22. It is what somebody has to
// do for each guess at the passphrase who has read the store. With a random passphrase there is nothing to guess, and 10 will do.
func WorkFactor(n int) PassphraseOption { return func(w *workFactors) { w.wrap = n } }

// MaxWorkFactor makes Unwrap refuse what takes more than 2^n steps, 1 to 22, so that nobody who can write to the store can make
// servers run out of memory and time. By default it is the larger of 18 and WorkFactor.
func MaxWorkFactor(n int) PassphraseOption { return func(w *workFactors) { w.unwrap = n } }

// NewPassphrase returns a Wrapper that wraps and unwraps with a passphrase. Only those who know it can
// make what Unwrap accepts. Each key costs one scrypt when it is wrapped and when it is unwrapped. The errors are
// ErrPassphrase and ErrWorkFactor.
//
// The passphrase should be random, such as "openssl rand -base64 24" makes one: those who have read the store can guess offline.
func NewPassphrase(passphrase string, options ...PassphraseOption) (*Wrapper, error) {
	if passphrase == "" {
		return nil, ErrPassphrase
	}
	factors := workFactors{wrap: defaultWorkFactor}
	for _, o := range options {
		o(&factors)
	}
	if factors.unwrap == 0 {
		factors.unwrap = max(defaultWorkFactor, factors.wrap)
	}
	for _, n := range []int{factors.wrap, factors.unwrap} {
		if n < 1 || n > maxWorkFactor {
			return nil, fmt.Errorf("%w %d, not 1 to %d", ErrWorkFactor, n, maxWorkFactor)
		}
	}
	if factors.wrap > factors.unwrap {
		return nil, fmt.Errorf("%w %d, more than the %d that MaxWorkFactor allows", ErrWorkFactor, factors.wrap, factors.unwrap)
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("agewrap: %w", err)
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("agewrap: %w", err)
	}
	recipient.SetWorkFactor(factors.wrap)
	identity.SetMaxWorkFactor(factors.unwrap)
	return New([]age.Recipient{recipient}, []age.Identity{&bounded{identity, factors.unwrap}})
}

// bounded is a ScryptIdentity that says by a typed error when the work is too much.
type bounded struct {
	*age.ScryptIdentity
	most int
}

func (b *bounded) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) == 1 && stanzas[0].Type == "scrypt" && len(stanzas[0].Args) == 2 {
		if n, err := strconv.Atoi(stanzas[0].Args[1]); err == nil && n > b.most {
			return nil, fmt.Errorf("%w %d, more than the %d that MaxWorkFactor allows", ErrWorkFactor, n, b.most)
		}
	}
	return b.ScryptIdentity.Unwrap(stanzas)
}
