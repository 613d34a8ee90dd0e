package format

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/session"
	"github.com/hardtack-go/hardtack/compress"
	"github.com/hardtack-go/hardtack/signed"
)

// NewKeyring returns a ring of one key.
func NewKeyring() (*hardtack.Keyring, error) {
	key, err := hardtack.NewKey(secret(6), time.Time{}, time.Time{})
	if err != nil {
		return nil, err
	}
	return hardtack.NewKeyring(key)
}

func sealedCodec(ring *hardtack.Keyring) (hardtack.Codec, error) {
	return hardtack.NewSealedCodec(ring), nil
}

func signedCodec(a signed.Algorithm) func(*hardtack.Keyring) (hardtack.Codec, error) {
	return func(ring *hardtack.Keyring) (hardtack.Codec, error) {
		return signed.NewCodec(ring, signed.Options{Algorithm: a})
	}
}

// hardtackValue is a Serializer and a Codec without a Jar around them. As a Jar has it of a session that it has read, the identity is there already.
func hardtackValue[T any](name string, serializer hardtack.Serializer, newCodec func(*hardtack.Keyring) (hardtack.Codec, error), now func() time.Time) Format[T] {
	f := Format[T]{Name: name, Title: name}
	ring, err := NewKeyring()
	if err != nil {
		return failing(f, err)
	}
	codec, err := newCodec(ring)
	if err != nil {
		return failing(f, err)
	}
	f.Encrypts = codec.Encrypts()
	read := hardtack.Record{Kind: hardtack.KindInline, ID: identity, Subject: session.UserID, Revision: 1, Serializer: serializer}
	if _, err := base64.RawURLEncoding.Decode(read.Seed[:], []byte(identity)); err != nil {
		return failing(f, err)
	}
	ctx := context.Background()
	// Whatever a caller can use again is used again.
	rec, dst := read, []byte(nil)
	f.Seal = func(v *T) (string, error) {
		t := now()
		rec.Created, rec.Issued, rec.Expires = t, t, t.Add(lifetime)
		var err error
		if rec.Payload, err = serializer.Marshal(v); err != nil {
			return "", err
		}
		dst, _, err = codec.Seal(ctx, dst[:0], hardtack.Binding{Name: CookieName, Now: t}, &rec)
		return string(dst), err
	}
	var opened hardtack.Record
	f.Open = func(value string, v *T) error {
		t := now()
		if err := codec.Open(ctx, hardtack.Binding{Name: CookieName, Now: t}, value, &opened); err != nil {
			return err
		}
		if t.After(opened.Expires) {
			return errors.New("the session has expired")
		}
		return opened.Serializer.Unmarshal(opened.Payload, v)
	}
	return f
}

// Jar is a stateless Jar, with its defaults but for what configure changes. What is too large for a cookie, Seal answers with a *hardtack.SizeError.
func Jar[T any](title string, configure func(*hardtack.Config) error, now func() time.Time) Format[T] {
	f := Format[T]{Name: "hardtack", Title: title}
	config, err := JarConfig(configure, now)
	if err != nil {
		return failing(f, err)
	}
	jar, err := hardtack.New[T](config)
	if err != nil {
		return failing(f, err)
	}
	f.Encrypts = config.Codec == nil || config.Codec.Encrypts()
	f.Seal = func(v *T) (string, error) {
		r, w := NewRequest(""), httptest.NewRecorder()
		s, _ := jar.Get(r) // a fresh one
		s.SetSubject(session.UserID)
		s.Data = *v
		_, err := jar.Save(w, r, s)
		return SetValue(w, err)
	}
	f.Open = func(value string, v *T) error {
		s, err := jar.Get(NewRequest(value))
		*v = s.Data
		return err
	}
	return f
}

// JarConfig returns the Config of a Jar with a ring of one key.
func JarConfig(configure func(*hardtack.Config) error, now func() time.Time) (hardtack.Config, error) {
	ring, err := NewKeyring()
	if err != nil {
		return hardtack.Config{}, err
	}
	config := hardtack.Config{Keys: ring, Lifetime: lifetime, Now: now}
	return config, configure(&config)
}

// Serialized is for Jar: data by this serializer.
func Serialized(s hardtack.Serializer) func(*hardtack.Config) error {
	return func(c *hardtack.Config) error {
		c.Serializer = s
		return nil
	}
}

// Compressed is for Jar: data by this serializer, made smaller by package compress.
func Compressed(s hardtack.Serializer) func(*hardtack.Config) error {
	return func(c *hardtack.Config) error {
		c.Serializer, c.InsecureCompression = s, compress.Deflate{}
		return nil
	}
}

func signedJar(a signed.Algorithm) func(*hardtack.Config) error {
	return func(c *hardtack.Config) (err error) {
		c.Serializer = hardtack.JSON{}
		c.Codec, err = signedCodec(a)(c.Keys)
		return err
	}
}
