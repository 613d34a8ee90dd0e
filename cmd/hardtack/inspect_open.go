package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/seal"
)

// clockSkew is how far ahead of a server's clock a cookie may have been issued.
const clockSkew = 2 * time.Minute

var errNotOurs = errors.New("not a serializer of the library")

// refusal is why a server would not accept a cookie.
type refusal struct {
	// Code is one of malformed, unknown-key, revoked-key, forged, not-yet-valid, expired and idle, or, if it
	// could not be told, wrapped-key.
	Code   string   `json:"code"`
	Reason string   `json:"reason"`
	Hints  []string `json:"hints,omitempty"`
}

func refuse(code, format string, args ...any) *refusal {
	return &refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}

func (r *refusal) hint(format string, args ...any) {
	r.Hints = append(r.Hints, fmt.Sprintf(format, args...))
}

// shownKey is a key and where in its life it is.
type shownKey struct {
	ID      hardtack.KeyID `json:"id"`
	State   string         `json:"state,omitempty"` // empty if the keys do not have it
	Retire  time.Time      `json:"retire,omitzero"`
	Revoked time.Time      `json:"revoked,omitzero"`
}

func (k *shownKey) is(s hardtack.KeyState) bool { return k.State == s.String() }

// shownSession is what a token has inside, without the payload.
type shownSession struct {
	ID        string    `json:"id"`
	Subject   untrusted `json:"subject,omitempty"`
	Placement string    `json:"placement"`
	Created   instant   `json:"created"`
	Issued    instant   `json:"issued"`
	Expires   instant   `json:"expires"`
	Age       string    `json:"age"`
	// IdleTracked: servers with an idle timeout heed it for this cookie. IdleEnds is when, if --idle was given.
	IdleTracked  bool       `json:"idle_tracked"`
	IdleEnds     instant    `json:"idle_ends,omitzero"`
	Revision     uint64     `json:"revision"`
	Lineage      []shownKey `json:"lineage,omitempty"`
	Serializer   string     `json:"serializer,omitempty"`
	PayloadBytes int        `json:"payload_bytes"`
}

// judge opens cookies and says what a server with these keys and settings would make of them.
type judge struct {
	from           string // what the keys are called
	set            hardtack.KeySet
	status         []hardtack.KeyStatus
	wrapper        hardtack.KeyWrapper
	audience       string
	lifetime, idle time.Duration // 0: not known
	at             time.Time
}

func (j *judge) key(id hardtack.KeyID) (shownKey, bool) {
	for _, s := range j.status {
		if s.Key.ID() == id {
			return shownKey{id, s.State.String(), s.Key.Retire(), s.Key.RevokedAt()}, true
		}
	}
	return shownKey{ID: id}, false
}

// codec opens cookies of one key, retired or not; nil if its secret is not there.
func (j *judge) codec(ctx context.Context, id hardtack.KeyID) (*hardtack.SealedCodec, error) {
	k, _ := j.set.Find(id)
	if k.Wrapped() && j.wrapper != nil {
		one, err := hardtack.KeySet{Keys: []hardtack.Key{k}}.Unwrap(ctx, j.wrapper)
		if err != nil {
			return nil, err
		}
		k = one.Keys[0]
		j.set.Keys[slices.IndexFunc(j.set.Keys, func(k hardtack.Key) bool { return k.ID() == id })] = k
	}
	secret := k.ExposeSecret()
	if secret == nil {
		return nil, nil
	}
	forever, err := hardtack.NewKey(secret, time.Time{}, time.Time{})
	if err != nil {
		return nil, err
	}
	ring, err := hardtack.NewKeyring(forever)
	if err != nil {
		return nil, err
	}
	return hardtack.NewSealedCodec(ring, serializers()...), nil
}

// open fills in what is inside c, as far as that can be seen, and why a server would refuse it.
func (j *judge) open(ctx context.Context, c *inspected, value string, withPayload bool) error {
	key, known := j.key(c.Outside.Key)
	c.Key = &key
	codec, err := j.codec(ctx, key.ID)
	if err != nil {
		return err
	}
	var rec hardtack.Record
	if codec != nil {
		err = codec.Open(ctx, hardtack.Binding{Name: string(c.Name), Audience: j.audience, Now: j.at}, value, &rec)
		if err == nil {
			c.Session = j.session(&rec)
			if withPayload && rec.Kind != hardtack.KindReference {
				c.Payload = showPayload(rec.Serializer, rec.Payload)
			}
		}
	}
	k, _ := j.set.Find(key.ID)
	c.Refusal = j.keyRefusal(key, known)
	switch {
	case c.Refusal != nil:
	case codec == nil && k.Wrapped():
		c.Refusal = refuse("wrapped-key", "the secret of key %v is wrapped: --age-identity or --passphrase-file unwraps it", key.ID)
	case errors.Is(err, hardtack.ErrForged):
		c.Refusal = j.forged(ctx, codec, c, value)
	case err != nil:
		c.Refusal = refuse("malformed", "authentic, but what is inside is not of the format: another version of the library has made it, or a program of somebody who has the key")
	default:
		c.Refusal = j.refuse(&rec, c.Session)
	}
	return nil
}

// keyRefusal is why a server with these keys refuses a cookie of this one.
func (j *judge) keyRefusal(k shownKey, known bool) *refusal {
	switch {
	case !known:
		r := refuse("unknown-key", "key %v is not in %s", k.ID, j.from)
		var has []string
		for _, s := range j.status {
			has = append(has, fmt.Sprintf("%v (%v)", s.Key.ID(), s.State))
		}
		r.hint("it has %s", strings.Join(has, ", "))
		return r
	case k.is(hardtack.KeyRevoked):
		r := refuse("revoked-key", "key %v was revoked%s", k.ID, when(k.Revoked, j.at))
		r.hint("it sealed this very cookie")
		return r
	case k.is(hardtack.KeyGone):
		return refuse("unknown-key", "key %v has retired%s", k.ID, when(k.Retire, j.at))
	}
	return nil
}

// when is " 3h ago, at …", nothing for the zero time.
func when(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf(" %s, at %s", relative(t, now), absolute(t))
}

func (j *judge) session(rec *hardtack.Record) *shownSession {
	seed := seal.Seed(rec.Seed)
	s := &shownSession{
		ID:           seal.SessionID(&seed),
		Subject:      untrusted(rec.Subject),
		Placement:    map[hardtack.Kind]string{hardtack.KindInline: "inline", hardtack.KindPending: "pending", hardtack.KindReference: "reference"}[rec.Kind],
		Created:      instant{rec.Created.UTC()},
		Issued:       instant{rec.Issued.UTC()},
		Expires:      instant{rec.Expires.UTC()},
		Age:          formatDuration(j.at.Sub(rec.Created).Truncate(time.Second)),
		IdleTracked:  rec.Idle,
		Revision:     rec.Revision,
		Serializer:   serializerName(rec.Serializer),
		PayloadBytes: len(rec.Payload),
	}
	if end := s.Created.Add(j.lifetime); j.lifetime > 0 && end.Before(s.Expires.Time) {
		s.Expires = instant{end}
	}
	if rec.Idle && j.idle > 0 {
		s.IdleEnds = instant{s.Issued.Add(j.idle)}
	}
	for _, id := range rec.Lineage {
		k, _ := j.key(id)
		s.Lineage = append(s.Lineage, k)
	}
	return s
}

// refuse is why a server refuses an authentic cookie whose key opens, in the order in which it looks.
func (j *judge) refuse(rec *hardtack.Record, s *shownSession) *refusal {
	for _, k := range s.Lineage {
		if k.is(hardtack.KeyRevoked) {
			r := refuse("revoked-key", "key %v was revoked%s", k.ID, when(k.Revoked, j.at))
			r.hint("it sealed an earlier cookie of this session: whoever had the key may have forged that")
			return r
		}
	}
	switch {
	case rec.Issued.After(j.at.Add(clockSkew)):
		r := refuse("not-yet-valid", "issued %s from now, at %s, more than the %s that clocks may differ", exactly(rec.Issued.Sub(j.at)), absolute(s.Issued.Time), formatDuration(clockSkew))
		r.hint("the clock of some server is wrong, or this one's")
		return r
	case !j.at.Before(s.Expires.Time):
		r := refuse("expired", "the session ended %s ago, at %s", exactly(j.at.Sub(s.Expires.Time)), absolute(s.Expires.Time))
		if s.Expires.Before(rec.Expires) {
			r.hint("by --lifetime %s; the cookie itself says %s", formatDuration(j.lifetime), absolute(rec.Expires))
		}
		return r
	case !s.IdleEnds.IsZero() && !j.at.Before(s.IdleEnds.Time):
		return refuse("idle", "not used for %s, %s more than --idle %s", exactly(j.at.Sub(s.Issued.Time)), exactly(j.at.Sub(s.IdleEnds.Time)), formatDuration(j.idle))
	}
	return nil
}

// exactly is d to the second, or to the millisecond where that is all.
func exactly(d time.Duration) string {
	if d >= time.Second {
		d = d.Truncate(time.Second)
	}
	return formatDuration(d.Truncate(time.Millisecond))
}

// forged tries the other names that the cookie may have been sealed for.
func (j *judge) forged(ctx context.Context, codec *hardtack.SealedCodec, c *inspected, value string) *refusal {
	r := refuse("forged", "key %v has not made this for the name %v%s", c.Outside.Key, c.Name, forAudience(j.audience))
	bare := string(c.Name)[len(namePrefix(string(c.Name))):]
	names := []string{string(c.Name)}
	for _, p := range append(slices.Clone(prefixes), "") {
		if name := p + bare; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	audiences := []string{j.audience}
	if j.audience != "" {
		audiences = append(audiences, "")
	}
	for _, audience := range audiences {
		for _, name := range names {
			var rec hardtack.Record
			if codec.Open(ctx, hardtack.Binding{Name: name, Audience: audience, Now: j.at}, value, &rec) != nil {
				continue
			}
			r.hint("it was sealed for the name %v%s; a server opens it under no other", untrusted(name), forAudience(audience))
			return r
		}
	}
	r.hint("nor for the names %s", untrusted(strings.Join(names[1:], ", ")))
	r.hint("try another --name or --audience; or somebody has altered it, or it was not copied whole")
	return r
}

func forAudience(audience string) string {
	if audience == "" {
		return " without an audience"
	}
	return fmt.Sprintf(" and the audience %v", untrusted(audience))
}
