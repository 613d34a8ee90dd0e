package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// untrusted is text out of a cookie. A terminal must not obey it, nor may it rearrange what stands beside it.
type untrusted string

// String returns the text with everything escaped that is not plainly visible.
func (u untrusted) String() string { return string(visible([]byte(u), true)) }

// MarshalJSON keeps the text and escapes the same, so that JSON on a terminal is harmless too.
func (u untrusted) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(string(u))
	return visible(data, false), err
}

// instant is a time out of a cookie. time.Time refuses to be JSON after the year 9999.
type instant struct{ time.Time }

func (i instant) MarshalJSON() ([]byte, error) { return json.Marshal(i.Format(time.RFC3339Nano)) }

// visible escapes what is not: control characters, those that change the direction of text, odd spaces. Bytes that are not
// UTF-8 become \x.. if bytes says so, else they stay. Within JSON the result is JSON with the same meaning.
func visible(text []byte, bytes bool) []byte {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1 && bytes:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case r == ' ' || unicode.IsPrint(r):
			b.Write(text[:size])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[size:]
	}
	return []byte(b.String())
}
