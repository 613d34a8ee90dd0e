// Package session has the sessions that are measured: five shapes, each with the data that a web application of its kind keeps, and each in any
// size. It is a package of its own because encoding/gob writes the import path of a registered type into the cookie.
package session

import (
	"crypto/sha256"
	"encoding/base64"
	"math/rand/v2"
	"time"
)

// UserID is whose the sessions are.
const UserID = "0190e2a4-7c3b-7d5e-9f10-2b6c8d4e1a37"

// Now is when the sessions are made: UTC and in whole seconds, which is the shortest form of a time in JSON and CBOR.
var Now = time.Date(2026, time.March, 14, 9, 26, 53, 0, time.UTC)

// Shape is a kind of session, which grows as its kind does.
type Shape[T any] struct {
	Name string
	// Grow returns the session with n of what it is counted in: roles, lines, characters. The more, the larger; 0 is the least. The same n gives
	// the same session.
	Grow func(n int) T
	// Small, Medium and Large are for Grow. Large is what every format can still put into a cookie of 4096 bytes.
	Small, Medium, Large int
}

// Text is nothing but text: for the cost of a byte.
type Text struct {
	Text string `json:"text"`
}

// NewText returns a Text that takes n bytes as JSON, at least 11.
func NewText(n int) Text { return Text{opaque("text", max(0, n-len(`{"text":""}`)))} }

// Texts grow with the bytes that they take as JSON.
func Texts() Shape[Text] {
	return Shape[Text]{Name: "text", Grow: NewText, Small: 64, Medium: 512, Large: 2048}
}

// opaque returns n characters of base64url, the same ones for the same label.
func opaque(label string, n int) string {
	raw := make([]byte, n)
	rand.NewChaCha8(sha256.Sum256([]byte(label))).Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)[:n]
}
