package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/hardtack-go/hardtack"
)

// lineWidth is up to where JSON stays on one line.
const lineWidth = 80

func (i *inspection) write(w io.Writer) {
	for n, c := range i.Cookies {
		if n > 0 {
			fmt.Fprintln(w)
		}
		c.write(w, i)
	}
}

// write prints one cookie: the verdict first, then a line for each thing that is known.
func (c *inspected) write(w io.Writer, i *inspection) {
	field := func(name, format string, args ...any) {
		text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n"+strings.Repeat(" ", 12))
		fmt.Fprintf(w, "%-12s%s\n", name, text)
	}
	field("cookie", "%v", c.Name)
	c.writeVerdict(field)
	if o := c.Outside; o != nil {
		field("format", "hardtack, version %d", o.Version)
		if c.Key == nil {
			field("key", "%v", o.Key)
		}
		if c.Key != nil {
			field("key", "%v", c.Key.describe())
		}
		field("nonce", "prefix %s", o.NoncePrefix)
		field("size", "%s", o.size())
	}
	if s := c.Session; s != nil {
		field("session", "%s", s.ID)
		if s.Subject != "" {
			field("subject", "%v", s.Subject)
		}
		field("placement", "%s", s.describePlacement())
		field("created", "%s, age %s", absolute(s.Created.Time), s.Age)
		field("issued", "%s, %s", absolute(s.Issued.Time), relative(s.Issued.Time, i.At.Time))
		field("expires", "%s, %s", absolute(s.Expires.Time), relative(s.Expires.Time, i.At.Time))
		switch {
		case !s.IdleEnds.IsZero():
			field("idle", "ends %s, %s", absolute(s.IdleEnds.Time), relative(s.IdleEnds.Time, i.At.Time))
		case s.IdleTracked:
			field("idle", "tracked; --idle says whether it was too long")
		}
		field("revision", "%d", s.Revision)
		var lineage []string
		for _, k := range s.Lineage {
			lineage = append(lineage, k.describe())
		}
		if len(lineage) > 0 {
			field("lineage", "%s", strings.Join(lineage, "\n"))
		}
		if s.Serializer != "" {
			field("serializer", "%s, %d bytes", s.Serializer, s.PayloadBytes)
		}
	}
	if c.Payload != nil {
		field("payload", "%s", c.Payload)
	}
	for n, a := range c.Attributes {
		name := ""
		if n == 0 {
			name = "attributes"
		}
		if a.Value == "" {
			field(name, "%v", a.Name)
		} else {
			field(name, "%v=%v", a.Name, a.Value)
		}
	}
	for _, r := range c.Remarks {
		if r.Refused {
			field("browser", "refuses it: %s", r.Message)
		} else {
			field("browser", "%s", r.Message)
		}
	}
}

func (c *inspected) writeVerdict(field func(name, format string, args ...any)) {
	switch {
	case c.Refusal != nil:
		field("refused", "%s: %s", c.Refusal.Code, c.Refusal.Reason)
		for _, h := range c.Refusal.Hints {
			field("", "%s", h)
		}
	case c.Session != nil:
		field("accepted", "a server with these keys and settings opens it")
		if c.Session.Placement == "reference" {
			field("", "if its store has the record")
		}
		if c.Key.is(hardtack.KeyAnnounced) {
			field("", "although its key does not seal yet: the clock of some server is ahead")
		}
	case c.Outside != nil:
		field("form", "that of a token; --keys tells whether it is authentic")
	default:
		field("form", "makes browsers forget the cookie")
	}
}

func (s *shownSession) describePlacement() string {
	switch s.Placement {
	case "pending":
		return "pending: the data is in the cookie, the store may have a newer state"
	case "reference":
		return "reference: the data is in the store"
	}
	return "inline: the data is in the cookie"
}

func (k *shownKey) describe() string {
	switch {
	case k.State == "":
		return fmt.Sprintf("%v (not among the keys)", k.ID)
	case !k.Revoked.IsZero():
		return fmt.Sprintf("%v (revoked at %s)", k.ID, absolute(k.Revoked))
	case k.is(hardtack.KeyGone) && !k.Retire.IsZero():
		return fmt.Sprintf("%v (gone, retired at %s)", k.ID, absolute(k.Retire))
	case !k.Retire.IsZero():
		return fmt.Sprintf("%v (%v, retires at %s)", k.ID, k.State, absolute(k.Retire))
	}
	return fmt.Sprintf("%v (%v)", k.ID, k.State)
}

// String returns the payload for people: JSON in lines if it is long.
func (p *payload) String() string {
	switch {
	case len(p.JSON) > lineWidth:
		var b bytes.Buffer
		if json.Indent(&b, p.JSON, "", "  ") == nil {
			return b.String()
		}
		fallthrough
	case p.JSON != nil:
		return string(p.JSON)
	case p.Diagnostic != "":
		return p.Diagnostic.String() + "\n(CBOR diagnostic notation)"
	case p.Hex != "":
		return p.Hex + "\n(hexadecimal)"
	}
	return "(empty)"
}
