package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseInput(t *testing.T) {
	token := strings.Repeat("A", 100)
	bare := func(v string) []presented { return []presented{{value: v}} }
	cookie := func(name, value string) presented { return presented{named: true, name: name, value: value} }
	set := func(name, value string, attributes ...attribute) presented {
		return presented{named: true, setCookie: true, name: name, value: value, attributes: attributes}
	}
	for in, want := range map[string][]presented{
		token:                             bare(token),
		" " + token + " \r\n":             bare(token),
		token + "=":                       bare(token + "="),
		token + "==":                      bare(token + "=="),
		`"` + token + `=="`:               bare(`"` + token + `=="`),
		"AB+/" + token + "=":              bare("AB+/" + token + "="),
		token[:50] + "\n" + token[50:]:    bare(token[:50] + "\n" + token[50:]),
		"x y=z":                           bare("x y=z"),
		"a=b":                             {cookie("a", "b")},
		"a=":                              {cookie("a", "")},
		"a=b=c; d=e":                      {cookie("a", "b=c"), cookie("d", "e")},
		"a=b;c; ;d=e":                     {cookie("a", "b"), cookie("d", "e")},
		"a=b; secret=c":                   {cookie("a", "b"), cookie("secret", "c")},
		"a=b; path=c; x=d":                {cookie("a", "b"), cookie("path", "c"), cookie("x", "d")},
		"Cookie: a=b; secure":             {cookie("a", "b")},
		"cookie:a=b":                      {cookie("a", "b")},
		"Cookie: " + token:                nil,
		"Cookie:":                         nil,
		"a=b; Secure":                     {set("a", "b", attribute{"Secure", ""})},
		"a=b;path=/ ; HTTPONLY;":          {set("a", "b", attribute{"path", "/"}, attribute{"HTTPONLY", ""})},
		"Set-Cookie: a=b":                 {set("a", "b")},
		"set-cookie:  a = b ; x = y = z ": {set("a", "b", attribute{"x", "y = z"})},
		"Set-Cookie: a":                   {set("", "a")},
		"Set-Cookie: =a;;=b":              {set("", "a")},
		"Set-Cookie: a\x01=b":             {{named: true, setCookie: true, control: true, name: "a\x01", value: "b"}},
		"Set-Cookie: a=b\tc":              {set("a", "b\tc")},
		"< set-cookie: a=b\n> Cookie: c=d; e=f\nX: Cookie: g=h\n": {set("a", "b"), cookie("c", "d"), cookie("e", "f")},
	} {
		assert.Equal(t, want, parseInput(in), "%q", in)
	}
}

func TestAttribute(t *testing.T) {
	p := parseSetCookie("a=b; Path=/x; path=/y; Secure")
	v, there := p.attribute("PATH")
	assert.True(t, there)
	assert.Equal(t, "/y", v, "the last counts")
	_, there = p.attribute("secure")
	assert.True(t, there)
	_, there = p.attribute("Domain")
	assert.False(t, there)
}

// What is parsed is in what was given, is bounded by it, and can be judged and printed whatever it is.
func FuzzInspect(f *testing.F) {
	for _, seed := range []string{
		"", "a", "a=b", "Cookie: a=b; c=d", "Set-Cookie: __Host-a=b; Path=/; Secure; Max-Age=-1; Expires=x; SameSite=None; Domain=d; Partitioned",
		"HTTP/1.1 200\r\nSet-Cookie: a=b\r\nset-cookie: c=d; secure\r\n\r\n", "> cookie: \x1b=\xff", strings.Repeat("A", 99) + "=",
		"AcFNhFuDJVcYtedA7Xu_5glPKHKZL89p65yPma1IuvoLcvV_KlzZ2B25OFrDbgAHWdDJyfgwL9DN1IWnyt3X-v2iVkBjPkqRVv-bGC8",
		"__Secure-a=AcFNhFuDJVcYtedA7Xu_5glPKHKZL89p65yPma1IuvoLcvV_KlzZ2B25OFrDbgAHWdDJyfgwL9DN1IWnyt3X-v2iVkBjPkqRVv-bGC8; HttpOnly",
		"Set-Cookie: a=b; Max-Age=99999999999999999999; Max-Age=x; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		found := parseInput(in)
		size := 0
		for _, p := range found {
			size += len(p.name) + len(p.value)
			require.Contains(t, in, p.name)
			require.Contains(t, in, p.value)
			for _, a := range p.attributes {
				require.Contains(t, in, string(a.Name))
				require.Contains(t, in, string(a.Value))
				size += len(a.Name) + len(a.Value)
			}
			if p.setCookie {
				require.NotContains(t, p.name+p.value, ";")
			}
		}
		require.LessOrEqual(t, size, len(in))
		if len(found) == 0 {
			return
		}
		flags := inspectFlags{name: "__Host-session"}
		i, err := flags.inspect(t.Context(), found, time.Unix(1, 0))
		require.NoError(t, err)
		require.Len(t, i.Cookies, len(found))
		var text strings.Builder
		i.write(&text)
		require.NoError(t, writeJSON(&text, i))
		for _, r := range text.String() {
			require.False(t, r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0, "%U", r)
		}
		for n, c := range i.Cookies {
			require.Equal(t, c.OK, c.Refusal == nil)
			require.Equal(t, c.Refusal != nil && c.Refusal.Code == "malformed", c.Outside == nil && !c.OK)
			require.Equal(t, found[n].form(), c.Form)
		}
	})
}
