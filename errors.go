package hardtack

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// Reasons for which Get gives a fresh session instead of the one that was
// presented. They work with errors.Is. A client is told none of them.
var (
	// ErrNoCookie: the request carries no cookie of this Jar.
	ErrNoCookie = errors.New("hardtack: no session cookie")
	// ErrMalformed: the cookie is not a token.
	ErrMalformed = seal.ErrMalformed
	// ErrUnknownKey: the cookie was sealed with a key that the ring does not
	// have, or that is retired.
	ErrUnknownKey = seal.ErrUnknownKey
	// ErrForged: the cookie or its record was not made by this application,
	// or has been altered.
	ErrForged = seal.ErrForged
	// ErrExpired: the session has reached its absolute end.
	ErrExpired = errors.New("hardtack: session expired")
	// ErrIdle: the session was not used for longer than IdleTimeout.
	ErrIdle = errors.New("hardtack: session idle for too long")
	// ErrNotYetValid: the cookie says that it was issued more than two minutes
	// from now: the clock of some server is wrong.
	ErrNotYetValid = errors.New("hardtack: session issued in the future")
	// ErrRevokedKey: the cookie, or an earlier one of the same session, was
	// sealed with a revoked key.
	ErrRevokedKey = errors.New("hardtack: cookie sealed with a revoked key")
	// ErrPayload: the session is authentic, but does not decode into T.
	ErrPayload = errors.New("hardtack: session data does not decode")
	// ErrRecordMissing: the cookie refers to a record that the store does not
	// have, or has only in an older state.
	ErrRecordMissing = errors.New("hardtack: session record missing")
	// ErrEnded: the session was ended by Delete or EndAll, or renewed and can no longer be read.
	ErrEnded = errors.New("hardtack: session ended")
	// ErrStoreUnavailable: the store could not be asked. The cookie is kept, and
	// nothing may be concluded about the session. Save, Touch and Renew of a
	// session that Get returned with it fail with it as well.
	ErrStoreUnavailable = errors.New("hardtack: session store unavailable")
)

// errAbsentKey is ErrUnknownKey for a key that the ring does not have at all: its source may.
var errAbsentKey = fmt.Errorf("%w", ErrUnknownKey)

// Errors of writing.
var (
	// ErrConflict: the stored session has changed since it was read. Nothing
	// was overwritten. Update retries by itself.
	ErrConflict = errors.New("hardtack: session changed meanwhile")
	// ErrStoreFull: a MemoryStore has reached its bounds. It arrives wrapped
	// in an error that matches ErrStoreUnavailable too.
	ErrStoreFull = errors.New("hardtack: session store full")
	// ErrRecordID: a Store was given an ID, or a subject, that no Jar gives
	// (ValidRecordID).
	ErrRecordID = errors.New("hardtack: malformed record ID")
	// ErrResponseBegun: within Handler, the response's header has been sent, so
	// no cookie can be set any more. Save and Touch have done nothing; Delete has ended the stored
	// session, but the browser keeps its cookie.
	ErrResponseBegun = errors.New("hardtack: response has begun")
	// ErrNotConfigured: a Jar that New or NewHybrid did not make, or From
	// outside Handler.
	ErrNotConfigured = errors.New("hardtack: jar not configured")
)

// Reasons inside a *KeyError.
var (
	ErrKeyLength    = errors.New("secret is not 32 bytes long")
	ErrKeyID        = errors.New("key ID does not belong to this secret")
	ErrDuplicateKey = errors.New("key ID occurs twice")
	ErrTooManyKeys  = errors.New("more than 128 keys")
	ErrNoUsableKey  = errors.New("no key can seal")
	ErrKeyTimes     = errors.New("key retires before it is activated")
	// ErrKeyWrapped: a ring was given a key whose secret is wrapped, and no KeyWrapper.
	ErrKeyWrapped = errors.New("secret is wrapped, and there is no wrapper to unwrap it")
	// ErrKeyWrapping: a KeyWrapper failed.
	ErrKeyWrapping = errors.New("its wrapper failed")
	// ErrPlaintextKey: a secret is in the clear where only wrapped ones are to be.
	ErrPlaintextKey = errors.New("secret is in the clear where it must be wrapped")
	// ErrNoSuchKey: the ring or key set has no key with this ID.
	ErrNoSuchKey = errors.New("no such key")
	// ErrKeyNotAnnounced: the key seals already, or no longer.
	ErrKeyNotAnnounced = errors.New("key is not one that will seal later")
	// ErrRetiresEarly: the key would retire while sessions sealed with it can be alive. A ring opens them all the same.
	ErrRetiresEarly = errors.New("key retires before the last session sealed with it has ended")
	// ErrNoSuccessor: the sealing key is near its end, or past it, and no other is there to follow it. A ring goes on using it.
	ErrNoSuccessor = errors.New("key is near its end and has no successor")
	// ErrKeyInFuture: the key that seals was to begin more than 2 minutes from now: the clock of this server or of the one that made it is wrong.
	ErrKeyInFuture = errors.New("key seals although it begins in the future: some server's clock is wrong")
	// ErrNotRevoked: the key is revoked on this server, but not in the ring's source, which could not be written or has gone back in time:
	// other servers accept it. Restore writes it there; a Revoke that could not is repeated with each look.
	ErrNotRevoked = errors.New("key is revoked on this server only, and not in its source")
	// ErrKeyMissing: the source no longer has a key that has neither retired nor been revoked. A ring goes on opening with it.
	ErrKeyMissing = errors.New("key is missing from its source, which may have gone back in time")
)

// Errors of key sets and their sources.
var (
	// ErrKeySet: what should be a key set is not one.
	ErrKeySet = errors.New("hardtack: not a key set")
	// ErrNoKeySet: the source has no key set, and none was to be made.
	ErrNoKeySet = errors.New("hardtack: the source has no keys")
	// ErrKeySource: the source of keys could not be read or written.
	ErrKeySource = errors.New("hardtack: source of keys")
	// ErrReadOnlyKeys: the source of keys cannot be written.
	ErrReadOnlyKeys = errors.New("hardtack: the source of keys is read-only")
	// ErrFollowsSource: the ring's keys come from a source, and cannot be replaced otherwise.
	ErrFollowsSource = errors.New("hardtack: the ring follows a source of keys")
	// ErrKeysChanged: the source kept changing while it was to be changed.
	ErrKeysChanged = errors.New("hardtack: the source of keys changes too often")
)

// KeyError says what is wrong with a key of a ring. It never contains secrets.
type KeyError struct {
	ID  KeyID // zero if the fault is not one key's
	Err error // one of the reasons above; Unwrap returns it
}

func (e *KeyError) Error() string {
	if e.ID == (KeyID{}) {
		return "hardtack: keyring: " + e.Err.Error()
	}
	return "hardtack: key " + e.ID.String() + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *KeyError) Unwrap() error { return e.Err }

// ConfigError is one fault of a Config, or of another struct that configures something, as KeyringConfig. Constructors return all faults
// at once, joined; errors.As finds the first.
type ConfigError struct {
	Type   string // whose field it is; empty means Config
	Field  string // the field, "Budget.Max" for a nested one
	Value  string // what it was set to; empty for what must not be printed
	Reason string
	Err    error // the cause, where there is a typed one; Unwrap returns it
}

func (e *ConfigError) Error() string {
	of := cmp.Or(e.Type, "Config")
	if e.Value == "" {
		return fmt.Sprintf("hardtack: %s.%s: %s", of, e.Field, e.Reason)
	}
	return fmt.Sprintf("hardtack: %s.%s = %s: %s", of, e.Field, e.Value, e.Reason)
}

// Unwrap returns e.Err.
func (e *ConfigError) Unwrap() error { return e.Err }

// FieldSize is the encoded size of one field of a session's data.
type FieldSize struct {
	Field string // the name of a struct's field, or a map's key
	Bytes int
}

// SizeError says that a session does not fit. Nothing was written: the cookie
// that the client holds, if any, is still good and holds the earlier state.
type SizeError struct {
	CookieBytes int // name plus value as the browser would count them; 0 if the record was too large
	RecordBytes int // size of the record; 0 if the cookie was too large
	Limit       int // the bytes that would have been allowed
	Over        int // how many bytes are too much

	// Fields lists the fields of the data by their encoded size, largest
	// first; keys if the data is a map with string keys, else nothing.
	Fields []FieldSize

	namesArePublic bool // a map's keys are data and stay out of Error
}

func (e *SizeError) Error() string {
	var b strings.Builder
	what, size := "cookie", e.CookieBytes
	if e.RecordBytes > 0 {
		what, size = "record", e.RecordBytes
	}
	fmt.Fprintf(&b, "hardtack: session %s of %d bytes is %d over the limit of %d", what, size, e.Over, e.Limit)
	if e.namesArePublic {
		for i, f := range e.Fields {
			if i == 3 {
				break
			}
			sep := ", "
			if i == 0 {
				sep = "; largest: "
			}
			fmt.Fprintf(&b, "%s%s %d", sep, f.Field, f.Bytes)
		}
	}
	return b.String()
}

// storeError is a failure of the store, with its cause.
type storeError struct {
	op  string
	err error
}

func (e *storeError) Error() string {
	return ErrStoreUnavailable.Error() + ": " + e.op + ": " + e.err.Error()
}
func (e *storeError) Is(target error) bool { return target == ErrStoreUnavailable }
func (e *storeError) Unwrap() error        { return e.err }
