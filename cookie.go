package hardtack

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scope is where a cookie lives, and how its Set-Cookie lines begin and end.
type scope struct {
	name  string
	place string // "; Path=/…[; Domain=…]"
	flags string // "; HttpOnly…"
}

func (c *Config) scope(name, domain, path string) scope {
	s := scope{name: name, place: "; Path=" + path}
	if domain != "" {
		s.place += "; Domain=" + domain
	}
	s.flags = "; HttpOnly"
	if !c.InsecureDevelopment {
		s.flags += "; Secure"
	}
	switch c.SameSite {
	case http.SameSiteStrictMode:
		s.flags += "; SameSite=Strict"
	case http.SameSiteNoneMode:
		s.flags += "; SameSite=None"
	default:
		s.flags += "; SameSite=Lax"
	}
	if c.Partitioned {
		s.flags += "; Partitioned"
	}
	return s
}

// line returns the Set-Cookie line for value, which ends at expires; with the
// zero time it ends with the browser.
func (s *scope) line(value []byte, now, expires time.Time) string {
	b := make([]byte, 0, len(s.name)+1+len(value)+len(s.place)+len("; Max-Age=34560000")+len(s.flags))
	b = append(append(append(b, s.name...), '='), value...)
	b = append(b, s.place...)
	if !expires.IsZero() {
		b = append(b, "; Max-Age="...)
		b = strconv.AppendInt(b, int64((expires.Sub(now)+time.Second-1)/time.Second), 10)
	}
	return string(append(b, s.flags...))
}

// expiry returns the line that makes the browser forget the cookie.
func (s *scope) expiry() string { return s.name + "=" + s.place + "; Max-Age=0" + s.flags }

// owns reports whether line sets this cookie in this place.
func (s *scope) owns(line string) bool {
	rest, ok := strings.CutPrefix(line, s.name)
	if !ok || rest == "" || rest[0] != '=' {
		return false
	}
	i := strings.IndexByte(rest, ';')
	if i < 0 {
		return false
	}
	rest, ok = strings.CutPrefix(rest[i:], s.place)
	return ok && (rest == "" || strings.HasPrefix(rest, "; ") && !strings.HasPrefix(rest, "; Domain="))
}

// setCookie puts line in place of the one that s owns, or adds it.
func setCookie(h http.Header, s *scope, line string) {
	lines := h["Set-Cookie"]
	kept := make([]string, 0, len(lines)+1)
	for _, l := range lines {
		if !s.owns(l) {
			kept = append(kept, l)
		}
	}
	h["Set-Cookie"] = append(kept, line)
}

// otherCookies returns the bytes on the wire of the Set-Cookie lines that are
// not s's own.
func otherCookies(h http.Header, s *scope) (n int) {
	for _, l := range h["Set-Cookie"] {
		if !s.owns(l) {
			n += len("Set-Cookie: \r\n") + len(l)
		}
	}
	return n
}

// setsCookie reports whether a line of the header is s's cookie.
func setsCookie(h http.Header, s *scope) bool {
	return slices.ContainsFunc(h["Set-Cookie"], s.owns)
}

// validValue reports whether every byte of v survives the way to any browser
// and back: the cookie-octets of RFC 6265.
func validValue(v []byte) bool {
	for _, c := range v {
		if c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\' {
			return false
		}
	}
	return true
}

// cookieValues calls yield with each value of the cookie that the request
// presents, until it returns false. It reads the header itself: net/http gives
// up altogether at 3000 cookies, and makes a list of them all.
func cookieValues(h http.Header, name string, yield func(value string) bool) {
	for _, line := range h["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			pair = strings.Trim(pair, " \t")
			if len(pair) > len(name) && pair[len(name)] == '=' && pair[:len(name)] == name && !yield(pair[len(name)+1:]) {
				return
			}
		}
	}
}

// addVary says that the response depends on the request's cookies.
func addVary(h http.Header) {
	for _, line := range h["Vary"] {
		for field := range strings.SplitSeq(line, ",") {
			if field = strings.TrimSpace(field); field == "*" || strings.EqualFold(field, "Cookie") {
				return
			}
		}
	}
	h.Add("Vary", "Cookie")
}

// forbidSharedCaching makes sure that no shared cache keeps the response. It
// returns what allowed one to, if anything.
func forbidSharedCaching(h http.Header) (was string) {
	// Targeted fields (RFC 9213) override Cache-Control in the caches they name.
	for field := range h {
		switch {
		case strings.HasSuffix(field, "Cdn-Cache-Control"), field == "Surrogate-Control",
			field == "Edge-Control", field == "X-Accel-Expires":
			was = field + ": " + h.Get(field)
			h.Del(field)
		}
	}
	var kept []string
	private, public, fresh := false, false, false
	for _, line := range h["Cache-Control"] {
		for d := range strings.SplitSeq(line, ",") {
			d = strings.TrimSpace(d)
			switch name, arg, _ := strings.Cut(strings.ToLower(d), "="); {
			case name == "":
			case name == "private" && arg == "", name == "no-store":
				private = true
				kept = append(kept, d)
			case name == "public", name == "s-maxage":
				public = true
			case name == "max-age" && arg != "0":
				fresh = true
				kept = append(kept, d)
			default:
				kept = append(kept, d)
			}
		}
	}
	if private && !public {
		return was
	}
	if expires := h.Get("Expires"); public || fresh {
		was = strings.Join(h["Cache-Control"], ", ")
	} else if expires != "" && was == "" {
		was = "Expires: " + expires
	}
	if !private {
		kept = slices.Insert(kept, 0, "private")
	}
	h["Cache-Control"] = []string{strings.Join(kept, ", ")}
	return was
}
