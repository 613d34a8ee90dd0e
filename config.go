package hardtack

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/internal/seal"
)

const (
	// DefaultName is the name of the cookie unless Config says otherwise.
	DefaultName = "__Host-session"

	defaultLifetime     = 24 * time.Hour
	defaultStoreTimeout = 2 * time.Second
	defaultMax          = 4096
	defaultInline       = 3072
	defaultRecord       = 1 << 20

	// clockSkew is how far the clocks of two servers may differ.
	clockSkew = 2 * time.Minute
	// maxLifetime is what browsers cap a cookie's Max-Age at (RFC 6265bis).
	maxLifetime = 400 * 24 * time.Hour
	// maxAttribute is the longest attribute value that browsers heed.
	maxAttribute = 1024
	maxAudience  = 255
	// usualAttributes is what the attributes of a session cookie usually take.
	usualAttributes = 56
	// leastRoom is a token's room below which no session would ever fit.
	leastRoom = 256
)

// Config says how a Jar works. The zero value of each field but Keys is a
// secure default. New and NewHybrid copy it; later changes to it have no effect.
type Config struct {
	_ struct{}

	// Keys seal and open the cookies. Required; shared, not copied.
	Keys *Keyring

	// Name of the cookie; "__Host-session" by default.
	Name string
	// Domain to which the cookie is sent, with its subdomains. Empty, the
	// default, means only the host that set it, as the __Host- prefix requires.
	Domain string
	// Path below which the cookie is sent; "/" by default.
	Path string
	// SameSite is Lax by default.
	SameSite http.SameSite
	// Partitioned gives each embedding site a cookie of its own (CHIPS). Its
	// pool is small: about 10 KB per site.
	Partitioned bool
	// BrowserSession omits Max-Age, so that the browser forgets the cookie when it
	// is closed, or restores it as it pleases. Lifetime applies all the same.
	BrowserSession bool
	// InsecureDevelopment drops Secure and the name's prefix, for plain http
	// where a browser insists. http://localhost needs it only in WebKit.
	InsecureDevelopment bool

	// Lifetime is the absolute end of a session, from its creation or Renew;
	// 24 h by default, at most 400 days.
	Lifetime time.Duration
	// IdleTimeout ends a session that was not used for this long; 0 means off.
	// It is measured from the cookie's last writing, which Touch renews after a tenth of it.
	IdleTimeout time.Duration

	// Budget bounds the cookie and the record.
	Budget Budget

	// Audience names the application and environment, at most 255 bytes. It is
	// authenticated: services that share a ring and a cookie name, but not the
	// audience, do not accept each other's sessions.
	Audience string

	// Formerly lists where and how this session's cookie used to live.
	Formerly []Former

	// Codec makes the cookie's value; nil means sealed with Keys.
	Codec Codec
	// Serializer encodes the data; nil means CBOR.
	Serializer Serializer

	// InsecureCompression makes cookies smaller whose sessions hold text that repeats itself: keys of JSON, lists, words. It is nil, off, by default, since
	// then a cookie's length depends on what is in it. Whoever can put text of his choice into a session, and see on the network how long its
	// encrypted cookie is, can find out secrets that are in the same session, one guess a request (CRIME, BREACH). So use it only where no session holds
	// both a secret, such as a CSRF token or an access token, and what others write; PadTo makes the attack slower, and does not end it.
	//
	// Only cookies are compressed, and only if that makes them smaller; not payloads of more than 32 KiB, nor records in a store. Every Jar reads compressed cookies
	// whatever it says here, and a Touch leaves them as they are, but a Save without it needs room for all of the session. A release before this field refuses
	// them as malformed: deploy first, then switch on. It needs the sealed codec.
	InsecureCompression Compressor
	// PadTo blurs a cookie's length: what is sealed is padded to a multiple of so many bytes, at most 1024, and always by one at least, but not beyond Budget.Max. 0, the default,
	// means off; 64 to 256 are sensible. For a hybrid Jar the padding counts: it stores a session whose padded cookie exceeds Budget.Inline. Older releases refuse padded
	// cookies, like compressed ones. It needs the sealed codec.
	PadTo int

	// StoreTimeout bounds each call of the store; 2 s by default.
	StoreTimeout time.Duration
	// StoreRetired is for the end of a migration from hybrid to stateless: a stateless
	// Jar then answers references with ErrRecordMissing and takes pending cookies as
	// they are. Without it, they count as an outage and are kept.
	StoreRetired bool

	// Observer hears what happens.
	Observer Observer

	// Now is the clock; time.Now by default. For tests and drills.
	Now func() time.Time
}

// Budget bounds what is written, in bytes. Zero values mean the defaults.
type Budget struct {
	// Max bounds the cookie's name plus value: 4096, the most that browsers
	// keep, and no more can be set.
	Max int
	// Inline is, for hybrid Jars, the size above which the session goes to the store:
	// 3072 by default, which leaves room for the other headers in nginx's 4096-byte
	// response buffer. It counts name, value, all other Set-Cookie lines of the response, and
	// attributes beyond the usual 56 bytes.
	Inline int
	// LowWater is the size under which a stored session comes back: 3/4 of Inline by default.
	LowWater int
	// Record bounds a sealed record: 1 MiB by default.
	Record int
}

// Former is a place and a format in which the session's cookie used to live. Domain and Path must be those of the old cookie, or it cannot be expired.
// It is read when the present cookie is absent, malformed, forged or of an unknown key; Save and
// Delete expire it there.
type Former struct {
	Name   string // of the cookie; empty means the present name
	Domain string
	Path   string // empty means "/"
	Codec  Codec  // nil means the Jar's
	Label  string // what Observer.Opened and FormerUse call it; empty means Name; best unlike the others'
	// Prolong gives a session that comes from here a whole Lifetime from when it moves, with the first Save or Touch. Otherwise it ends when its old cookie
	// would have ended, although that might have been renewed with each use. Its Created is then that moment, too: whoever compares Created with a time per user, to end
	// all sessions from before, has to take Prolong away, or the entry. It is for entries with a Codec.
	Prolong bool

	inherits bool // Codec was nil
	use      *formerUse
}

func (c *Config) setDefaults() {
	if c.Name == "" {
		c.Name = DefaultName
	}
	if c.InsecureDevelopment {
		c.Name = withoutPrefix(c.Name)
	}
	if c.Path == "" {
		c.Path = "/"
	}
	if c.SameSite == 0 || c.SameSite == http.SameSiteDefaultMode {
		c.SameSite = http.SameSiteLaxMode
	}
	if c.Lifetime == 0 {
		c.Lifetime = defaultLifetime
	}
	if c.StoreTimeout == 0 {
		c.StoreTimeout = defaultStoreTimeout
	}
	if c.Serializer == nil {
		c.Serializer = CBOR{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	b := &c.Budget
	if b.Max == 0 {
		b.Max = defaultMax
	}
	if b.Inline == 0 {
		b.Inline = min(defaultInline, b.Max)
	}
	if b.LowWater == 0 {
		b.LowWater = b.Inline * 3 / 4
	}
	if b.Record == 0 {
		b.Record = defaultRecord
	}
	formers := make([]Former, len(c.Formerly))
	for i, f := range c.Formerly {
		if f.Name == "" {
			f.Name = c.Name
		}
		if c.InsecureDevelopment {
			f.Name = withoutPrefix(f.Name)
		}
		if f.Path == "" {
			f.Path = "/"
		}
		if f.Label == "" {
			f.Label = f.Name
		}
		formers[i] = f
	}
	c.Formerly = formers
	c.Observer = c.Observer.complete()
}

// prefixes of cookie names that browsers enforce, compared without case.
var prefixes = []string{"__Host-Http-", "__Http-", "__Host-", "__Secure-"}

func namePrefix(name string) string {
	for _, p := range prefixes {
		if len(name) >= len(p) && strings.EqualFold(name[:len(p)], p) {
			return p
		}
	}
	return ""
}

func withoutPrefix(name string) string { return name[len(namePrefix(name)):] }

// validate returns every fault at once. The defaults are already set.
func (c *Config) validate(hybrid bool) error {
	var faults []error
	fault := func(field, value, reason string, args ...any) {
		faults = append(faults, &ConfigError{Field: field, Value: value, Reason: fmt.Sprintf(reason, args...)})
	}
	if c.Keys == nil {
		fault("Keys", "", "is required; NewKeyring or EphemeralKeyring make one")
	} else if _, err := c.Keys.load().sealing(c.Now()); err != nil {
		faults = append(faults, &ConfigError{Field: "Keys", Reason: err.Error(), Err: err})
	} else {
		for _, id := range c.Keys.load().tooEarly(c.Lifetime) {
			fault("Keys", id.String(), "retires before the last session sealed with it has ended: its successor's activate plus Lifetime plus %v", clockSkew)
		}
		if f := c.Keys.follower; f != nil && f.retain() > 0 && f.retain() < c.Lifetime+clockSkew {
			fault("Lifetime", c.Lifetime.String(), "is longer than the keys are kept for: their Retain is %v, and must be at least Lifetime plus %v (RotationPolicy.Retain, or the command hardtack keys lifetime)", f.retain(), clockSkew)
		}
	}

	checkScope := func(field, name, domain, path string) {
		if err := (&http.Cookie{Name: name, Value: "x"}).Valid(); err != nil {
			fault(field+"Name", strconv.Quote(name), "is not a token of RFC 9110")
		}
		if domain != "" {
			if (&http.Cookie{Name: "x", Domain: domain}).Valid() != nil || strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") {
				fault(field+"Domain", strconv.Quote(domain), "is not a domain name")
			}
			if len(domain) > maxAttribute {
				fault(field+"Domain", "", "browsers ignore an attribute of more than %d bytes", maxAttribute)
			}
		}
		if !strings.HasPrefix(path, "/") || (&http.Cookie{Name: "x", Path: path}).Valid() != nil || strings.ContainsAny(path, " ?#") {
			fault(field+"Path", strconv.Quote(path), "must start with / and have no spaces, control characters, ?, # or semicolons")
		}
		if len(path) > maxAttribute {
			fault(field+"Path", "", "browsers ignore an attribute of more than %d bytes", maxAttribute)
		}
		switch p := namePrefix(name); {
		case p == "":
		case c.InsecureDevelopment:
			fault(field+"Name", strconv.Quote(name), "prefix %s needs Secure, which InsecureDevelopment drops", p)
		case strings.HasPrefix(p, "__Host-") && domain != "":
			fault(field+"Domain", strconv.Quote(domain), "must be empty: browsers refuse the name prefix %s with a Domain", p)
		case strings.HasPrefix(p, "__Host-") && path != "/":
			fault(field+"Path", strconv.Quote(path), "must be /: browsers refuse the name prefix %s with another Path", p)
		}
	}
	checkScope("", c.Name, c.Domain, c.Path)
	if room := c.Budget.Max - len(c.Name); room < leastRoom && c.Budget.Max > 0 {
		fault("Name", "", "of %d bytes leaves %d of Budget.Max for the value, less than %d", len(c.Name), room, leastRoom)
	}
	if len(c.Audience) > maxAudience {
		fault("Audience", "", "is %d bytes long, at most %d are allowed", len(c.Audience), maxAudience)
	}

	switch c.SameSite {
	case http.SameSiteLaxMode, http.SameSiteStrictMode:
	case http.SameSiteNoneMode:
		if c.InsecureDevelopment {
			fault("SameSite", "None", "browsers refuse SameSite=None without Secure")
		}
	default:
		fault("SameSite", strconv.Itoa(int(c.SameSite)), "is not a mode of net/http")
	}
	if c.Partitioned && c.InsecureDevelopment {
		fault("Partitioned", "true", "browsers refuse Partitioned without Secure")
	}

	if c.Lifetime < time.Second || c.Lifetime > maxLifetime {
		fault("Lifetime", c.Lifetime.String(), "must be between 1 s and the 400 days that browsers cap cookies at")
	}
	if c.IdleTimeout < 0 || c.IdleTimeout > 0 && c.IdleTimeout < time.Second {
		fault("IdleTimeout", c.IdleTimeout.String(), "must be 0 or at least 1 s")
	}
	if c.IdleTimeout > 0 && c.IdleTimeout > c.Lifetime {
		fault("IdleTimeout", c.IdleTimeout.String(), "is longer than Lifetime (%v)", c.Lifetime)
	}
	if c.StoreTimeout < 0 {
		fault("StoreTimeout", c.StoreTimeout.String(), "must not be negative")
	}

	b := c.Budget
	if b.Max < leastRoom || b.Max > defaultMax {
		fault("Budget.Max", strconv.Itoa(b.Max), "must be between %d and %d: browsers drop larger cookies in silence", leastRoom, defaultMax)
	}
	if b.Inline < leastRoom || b.Inline > b.Max {
		fault("Budget.Inline", strconv.Itoa(b.Inline), "must be between %d and Budget.Max (%d)", leastRoom, b.Max)
	}
	if b.LowWater < 0 || b.LowWater > b.Inline {
		fault("Budget.LowWater", strconv.Itoa(b.LowWater), "must be between 0 and Budget.Inline (%d)", b.Inline)
	}
	if b.Record < b.Max {
		fault("Budget.Record", strconv.Itoa(b.Record), "must be at least Budget.Max (%d)", b.Max)
	}

	if id := c.Serializer.SerializerID(); id < serializerCBOR || id > serializerGob && id < firstUserID {
		fault("Serializer", "", "its ID %d is reserved; applications use %d to 255", id, firstUserID)
	}
	if hybrid && c.Codec != nil && !c.Codec.Encrypts() {
		fault("Codec", "", "does not encrypt, which a hybrid Jar needs")
	}
	if hybrid && c.StoreRetired {
		fault("StoreRetired", "true", "is for stateless Jars")
	}
	checkCodec := func(field string, codec Codec, place CodecPlace) {
		if checker, ok := codec.(ConfigChecker); ok {
			if err := checker.CheckConfig(c, place); err != nil {
				faults = append(faults, &ConfigError{Field: field, Value: fmt.Sprintf("%T", codec), Reason: err.Error(), Err: err})
			}
		}
	}
	if _, sealed := c.Codec.(*SealedCodec); c.Codec != nil && !sealed {
		if c.InsecureCompression != nil {
			fault("InsecureCompression", fmt.Sprintf("%T", c.InsecureCompression), "is for the sealed codec, not for %T", c.Codec)
		}
		if c.PadTo != 0 {
			fault("PadTo", strconv.Itoa(c.PadTo), "is for the sealed codec, not for %T", c.Codec)
		}
	}
	if err := probe(c.InsecureCompression); err != nil {
		fault("InsecureCompression", fmt.Sprintf("%T", c.InsecureCompression), "%v", err)
	}
	if c.PadTo < 0 || c.PadTo > seal.MaxPad {
		fault("PadTo", strconv.Itoa(c.PadTo), "must be between 0 and %d", seal.MaxPad)
	} else if least := len(c.Name) + seal.LeastPadded(c.PadTo); hybrid && c.PadTo > 0 && least > c.Budget.LowWater {
		fault("PadTo", strconv.Itoa(c.PadTo), "makes every cookie at least %d bytes, more than Budget.LowWater (%d): no stored session would come back", least, c.Budget.LowWater)
	}
	place := CodecOfJar
	if hybrid {
		place = CodecOfHybrid
	}
	checkCodec("Codec", c.Codec, place)
	for i, f := range c.Formerly {
		field := fmt.Sprintf("Formerly[%d].", i)
		checkCodec(field+"Codec", f.Codec, CodecOfFormer)
		checkScope(field, f.Name, f.Domain, f.Path)
		if f.Prolong && f.Codec == nil {
			fault(field+"Prolong", "true", "is for entries with a Codec: a session of the Jar's own format has its Lifetime")
		}
		if f.Codec == nil && f.Name == c.Name && f.Domain == c.Domain && f.Path == c.Path {
			fault(strings.TrimSuffix(field, "."), "", "is the present cookie")
		}
	}
	return errors.Join(faults...)
}
