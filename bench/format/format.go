// Package format makes cookies of sessions in several formats, each with the library that people use for it, and as its documentation says.
package format

import (
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/session"
	"github.com/hardtack-go/hardtack/signed"
)

const (
	// CookieName is the name of every cookie. Formats that can, bind the value to it.
	CookieName = hardtack.DefaultName
	// BrowserMax is the bytes of name and value above which browsers refuse a cookie.
	BrowserMax = 4096

	lifetime = 24 * time.Hour
	// identity is as large as that of a hardtack session: 16 bytes, here in base64url.
	identity = "bW9zdCBsaWtlbHkgb25lIQ"
)

// Format is one way to make a cookie's value of a T, and to get the T back. Its functions are not safe for concurrent use. What they need for
// each session alike, such as keys, parsers and ciphers, was made once.
type Format[T any] struct {
	Name     string // in the names of benchmarks
	Title    string // in tables
	Encrypts bool
	Varies   bool // the value's length varies by some bytes from one time to the next

	Seal func(v *T) (value string, err error)
	// Open fills v, which is zero before, if the value is authentic and has not expired.
	Open func(value string, v *T) error
}

// Values returns the formats at the level of values: from a struct to a string and back, with no request and no response.
func Values[T any]() []Format[T] {
	now := time.Now
	return []Format[T]{
		hardtackValue[T]("hardtack-cbor", hardtack.CBOR{}, sealedCodec, now),
		hardtackValue[T]("hardtack-json", hardtack.JSON{}, sealedCodec, now),
		hardtackValue[T]("hardtack-hs256", hardtack.JSON{}, signedCodec(signed.HS256), now),
		hardtackValue[T]("hardtack-eddsa", hardtack.JSON{}, signedCodec(signed.EdDSA), now),
		gorillaGob[T](),
		gorillaJSON[T](),
		jwtHS256[T](now),
		jweA256GCM[T](now),
		pasetoV4Local[T](now),
		tinkCBOR[T](now),
	}
}

// Cookies returns the formats as an application sets them as cookies, at the time of Then: those of hardtack by a Jar, and gorilla's gob by gorilla/sessions.
func Cookies[T any]() []Format[T] {
	return []Format[T]{
		gorillaFields[T](),
		gorillaStruct[T](),
		gorillaGob[T](),
		gorillaJSON[T](),
		jwtHS256[T](Then),
		jweA256GCM[T](Then),
		pasetoV4Local[T](Then),
		tinkCBOR[T](Then),
		Jar[T]("hardtack, signed, EdDSA", signedJar(signed.EdDSA), Then),
		Jar[T]("hardtack, signed, HS256", signedJar(signed.HS256), Then),
		Jar[T]("hardtack, JSON", Serialized(hardtack.JSON{}), Then),
		Jar[T]("hardtack, CBOR", Serialized(hardtack.CBOR{}), Then),
		Jar[T]("hardtack, JSON, compressed", Compressed(hardtack.JSON{}), Then),
		Jar[T]("hardtack, CBOR, compressed", Compressed(hardtack.CBOR{}), Then),
	}
}

// Then is the clock of Cookies: no length depends on today's date.
func Then() time.Time { return session.Now }

// secret returns a key of 32 bytes. No length depends on which.
func secret(b byte) []byte {
	key := make([]byte, 32)
	for i := range key {
		key[i] = b + byte(i)
	}
	return key
}

// failing is a format that could not be made.
func failing[T any](f Format[T], err error) Format[T] {
	f.Seal = func(*T) (string, error) { return "", err }
	f.Open = func(string, *T) error { return err }
	return f
}
