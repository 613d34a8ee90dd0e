package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxCookie    = 4096 // bytes of name and value that browsers keep
	maxAttribute = 1024 // bytes of an attribute's value that they heed
	maxAge       = 400 * day
)

// remark is what a browser would make of a Set-Cookie header.
type remark struct {
	Code string `json:"code"`
	// Refused: a browser does not keep the cookie. Otherwise it is only good to know.
	Refused bool   `json:"refused"`
	Message string `json:"message"`
}

// remarks says what browsers refuse and ignore of a Set-Cookie header by RFC 6265bis, sections 5.6 and 5.7.
func (p *presented) remarks(now time.Time) (remarks []remark) {
	add := func(refused bool, code, format string, args ...any) {
		remarks = append(remarks, remark{code, refused, fmt.Sprintf(format, args...)})
	}
	refuse := func(code, format string, args ...any) { add(true, code, format, args...) }
	note := func(code, format string, args ...any) { add(false, code, format, args...) }

	if p.control {
		refuse("control-character", "the header has a control character")
	}
	switch size := len(p.name) + len(p.value); {
	case size == 0:
		refuse("empty", "neither a name nor a value")
	case size > maxCookie:
		remarks = append(remarks, tooLarge(size))
	}
	attr := func(name string) (string, bool) {
		value, there := p.attribute(name)
		return value, there && len(value) <= maxAttribute
	}
	for _, a := range p.attributes {
		switch {
		case len(a.Value) > maxAttribute:
			note("attribute-too-long", "%v is ignored: its value is longer than %d bytes", a.Name, maxAttribute)
		case !slices.Contains(knownAttributes, strings.ToLower(string(a.Name))):
			note("attribute-unknown", "%v is ignored: no attribute of cookies is called that", a.Name)
		}
	}
	_, secure := attr("Secure")
	_, httpOnly := attr("HttpOnly")
	_, partitioned := attr("Partitioned")
	sameSite, hasSameSite := attr("SameSite")
	domain, _ := attr("Domain")
	path, _ := attr("Path")

	prefix := namePrefix(p.name)
	if p.name == "" && namePrefix(p.value) != "" {
		refuse("prefix", "a cookie without a name whose value begins with %s", namePrefix(p.value))
	}
	if prefix != "" && !secure {
		refuse("prefix", "names with the prefix %s need Secure", prefix)
	}
	if strings.HasPrefix(prefix, "__Host-") && domain != "" {
		refuse("prefix", "names with the prefix %s must not have a Domain", prefix)
	}
	if strings.HasPrefix(prefix, "__Host-") && path != "/" {
		refuse("prefix", "names with the prefix %s need Path=/", prefix)
	}
	if strings.HasSuffix(prefix, "Http-") && !httpOnly {
		refuse("prefix", "names with the prefix %s need HttpOnly", prefix)
	}
	switch {
	case !hasSameSite:
		note("same-site", "no SameSite: browsers differ in what they take then")
	case strings.EqualFold(sameSite, "None") && !secure:
		refuse("same-site", "SameSite=None needs Secure")
	case !slices.ContainsFunc([]string{"None", "Lax", "Strict"}, func(s string) bool { return strings.EqualFold(s, sameSite) }):
		note("same-site", "SameSite=%v is none of None, Lax and Strict, and ignored", untrusted(sameSite))
	}
	if partitioned && !secure {
		refuse("partitioned", "Partitioned needs Secure")
	}
	if !httpOnly {
		note("http-only", "no HttpOnly: scripts can read the session")
	}
	if !secure && prefix == "" {
		note("secure", "no Secure: the session goes over plain http too")
	}
	p.lifeRemarks(now, note)
	return remarks
}

func tooLarge(size int) remark {
	return remark{"too-large", true, fmt.Sprintf("name and value are %d bytes long, %d more than the %d that browsers keep", size, size-maxCookie, maxCookie)}
}

// lifeRemarks is about how long a browser keeps the cookie.
func (p *presented) lifeRemarks(now time.Time, note func(code, format string, args ...any)) {
	text, there := p.attribute("Max-Age")
	if seconds, err := strconv.ParseInt(text, 10, 64); there && (err == nil || isNumber(text)) {
		switch {
		case err == nil && seconds <= 0, err != nil && strings.HasPrefix(text, "-"):
			note("expires-it", "Max-Age=%v makes browsers forget the cookie", untrusted(text))
		case err != nil || seconds > int64(maxAge/time.Second):
			note("max-age", "Max-Age is capped at 400 days")
		}
		return
	} else if there {
		note("max-age", "Max-Age is ignored: it is not a number of seconds")
	}
	text, there = p.attribute("Expires")
	switch at, err := http.ParseTime(text); {
	case !there:
		note("browser-session", "no Max-Age: browsers keep the cookie until they are closed, or longer")
	case err != nil:
		note("expires", "Expires is not a date as RFC 9110 has them")
	case !at.After(now):
		note("expires-it", "Expires has passed: it makes browsers forget the cookie")
	case at.After(now.Add(maxAge)):
		note("expires", "Expires is capped at 400 days")
	}
}

// isNumber tells a number that is out of range from what is none.
func isNumber(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// prefixes of cookie names that browsers enforce, whatever the case.
var prefixes = []string{"__Host-Http-", "__Http-", "__Host-", "__Secure-"}

func namePrefix(name string) string {
	for _, p := range prefixes {
		if len(name) >= len(p) && strings.EqualFold(name[:len(p)], p) {
			return p
		}
	}
	return ""
}
