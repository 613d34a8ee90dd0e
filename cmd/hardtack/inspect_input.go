package main

import (
	"regexp"
	"slices"
	"strings"
)

// presented is a cookie as it was given to inspect.
type presented struct {
	named      bool // it came with a name
	name       string
	value      string
	setCookie  bool
	attributes []attribute // of a Set-Cookie header
	control    bool        // a Set-Cookie header with a control character
}

// attribute is one of a Set-Cookie header's.
type attribute struct {
	Name  untrusted `json:"name"`
	Value untrusted `json:"value,omitempty"`
}

// The forms of what inspect is given.
const (
	formValue     = "value"
	formCookie    = "cookie"
	formSetCookie = "set-cookie"
)

func (p *presented) form() string {
	switch {
	case p.setCookie:
		return formSetCookie
	case p.named:
		return formCookie
	}
	return formValue
}

// shortestText is the characters of the shortest token. No cookie's name is as long.
const shortestText = (shortestBytes*4 + 2) / 3

var knownAttributes = []string{"path", "domain", "max-age", "expires", "secure", "httponly", "samesite", "partitioned", "priority"}

// parseInput reads a bare value, a Cookie or Set-Cookie header, with or without its name, or several lines of which
// some are such headers: a request or a response.
func parseInput(text string) []presented {
	text = strings.Trim(text, " \t\r\n")
	var found []presented
	headers := false
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimLeft(line, "<> \t"), ":") // curl -v begins lines so
		rest = strings.Trim(rest, " \t\r\n")
		switch strings.ToLower(name) {
		case "cookie":
			headers = true
			found = append(found, parseCookie(rest)...)
		case "set-cookie":
			headers = true
			found = append(found, parseSetCookie(rest))
		}
	}
	if headers || wholeMessage(text) != "" {
		return found
	}
	first, rest, several := strings.Cut(text, ";")
	name, value, pair := strings.Cut(first, "=")
	switch {
	case !pair || !isToken(name), !several && strings.Trim(value, "=") == "" && len(name) >= shortestText:
		return []presented{{value: text}}
	case several && allAttributes(rest):
		return []presented{parseSetCookie(text)}
	}
	return parseCookie(text)
}

// message is the beginning of a sentence that says of a whole request or response that it lacks a cookie, "" of what is neither.
type message string

const (
	aRequest  message = "this request has no"
	aResponse message = "this response sets no"
)

var (
	requestLine = regexp.MustCompile(`(?m)^[<> \t]*[A-Z]+ \S+ HTTP/[0-9.]+[ \t\r]*$`)
	statusLine  = regexp.MustCompile(`(?m)^[<> \t]*HTTP/[0-9.]+ [0-9]{3}\b`)
)

func wholeMessage(text string) message {
	switch {
	case statusLine.MatchString(text):
		return aResponse
	case requestLine.MatchString(text):
		return aRequest
	}
	return ""
}

// isCookieJar reports whether text is a file in which curl and others keep cookies.
func isCookieJar(text string) bool {
	return strings.HasPrefix(text, "# Netscape HTTP Cookie File") || strings.HasPrefix(text, "# HTTP Cookie File")
}

// parseCookie reads what follows "Cookie:", as the library does.
func parseCookie(text string) (cookies []presented) {
	for pair := range strings.SplitSeq(text, ";") {
		pair = strings.Trim(pair, " \t")
		if name, value, ok := strings.Cut(pair, "="); ok {
			cookies = append(cookies, presented{named: true, name: name, value: value})
		}
	}
	return cookies
}

// parseSetCookie reads what follows "Set-Cookie:", as browsers do (RFC 6265bis, section 5.6).
func parseSetCookie(text string) presented {
	p := presented{named: true, setCookie: true}
	p.control = strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
	pair, rest, more := strings.Cut(text, ";")
	name, value, ok := strings.Cut(pair, "=")
	if !ok {
		name, value = "", pair
	}
	p.name, p.value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
	for more {
		var one string
		one, rest, more = strings.Cut(rest, ";")
		name, value, _ := strings.Cut(one, "=")
		if name = strings.Trim(name, " \t"); name != "" {
			p.attributes = append(p.attributes, attribute{untrusted(name), untrusted(strings.Trim(value, " \t"))})
		}
	}
	return p
}

// attribute returns the value that counts: the last.
func (p *presented) attribute(name string) (value string, there bool) {
	for _, a := range slices.Backward(p.attributes) {
		if strings.EqualFold(string(a.Name), name) {
			return string(a.Value), true
		}
	}
	return "", false
}

func allAttributes(text string) bool {
	for one := range strings.SplitSeq(text, ";") {
		name, _, _ := strings.Cut(one, "=")
		if name = strings.ToLower(strings.Trim(name, " \t")); name != "" && !slices.Contains(knownAttributes, name) {
			return false
		}
	}
	return true
}

// isToken reports whether s is a token of RFC 9110, as names of cookies are.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
