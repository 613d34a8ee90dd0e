package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/seal"
)

// maxInput bounds what inspect reads.
const maxInput = 64 << 10

// inspection is what inspect prints.
type inspection struct {
	At      instant      `json:"at"`
	Cookies []*inspected `json:"cookies"`
}

// inspected is one cookie.
type inspected struct {
	Form string    `json:"form"`
	Name untrusted `json:"name"`
	// OK: with keys, that a server opens it; without, that it has the form of a token.
	OK         bool          `json:"ok"`
	Refusal    *refusal      `json:"refusal,omitempty"`
	Outside    *outside      `json:"outside,omitempty"`
	Key        *shownKey     `json:"key,omitempty"`
	Session    *shownSession `json:"session,omitempty"`
	Payload    *payload      `json:"payload,omitempty"`
	Attributes []attribute   `json:"attributes,omitempty"`
	Remarks    []remark      `json:"remarks,omitempty"`
}

// inspectFlags are the flags of inspect.
type inspectFlags struct {
	source
	wrapping
	name, audience string
	lifetime, idle durationFlag
	at             atFlag
	noPayload      bool
}

func newInspectCommand(a *app) *cobra.Command {
	var flags inspectFlags
	cmd := &cobra.Command{
		Use:   "inspect [--keys FILE] COOKIE|-",
		Short: "Look into a cookie, and say why it is refused",
		Long: `Look into a cookie: a bare value, a Cookie or Set-Cookie header, or a whole
request or response with such headers in it. With - it is read from standard
input: a session's cookie is as good as its password, and arguments are seen
by others on the machine and kept in the shell's history.

Without keys: what anybody can see, format, version, key and sizes, and if it
is not a token, what is wrong. With keys: the session, its data as JSON or, where
JSON cannot, in CBOR's diagnostic notation, and if a server refuses it, why. For a
Set-Cookie header also its attributes, and what a browser would refuse.

The data may be personal: --no-payload leaves it out. Secrets are never printed.

Servers end a session by their own settings too: give them with --lifetime and
--idle. What is in a store is not looked at.

Exit status: 0 if the cookie opens (without keys: is a token), 1 if it is
refused, or a browser would refuse it, 2 for a mistake in the command line.`,
		Example: `  hardtack inspect AQIDBAUG…
  hardtack inspect --keys keys.json - < cookie.txt
  hardtack inspect --keys keys.json --name session 'Cookie: theme=dark; session=AQIDBAUG…'
  hardtack inspect --keys keys.json --idle 30m --at -2h - < cookie.txt
  curl -si https://shop.example/ | hardtack inspect --keys keys.json --json -`,
		Args: oneCookie,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readInput(args[0], a.in)
			if err != nil {
				return err
			}
			if isCookieJar(text) {
				return usagef("this is curl's cookie file, with a cookie in each line: give only the value, the last field of the line: awk '$6 == \"%v\" {print $7}' FILE | hardtack inspect -", untrusted(flags.name))
			}
			found, err := flags.choose(parseInput(text), cmd.Flags().Changed("name"), wholeMessage(text))
			if err != nil {
				return err
			}
			result, err := flags.inspect(cmd.Context(), found, a.now())
			if err != nil {
				return err
			}
			if err := a.print(result, result.write); err != nil {
				return err
			}
			if slices.ContainsFunc(result.Cookies, (*inspected).faulty) {
				return errFindings
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.file, "keys", "", "open it with the keys in `FILE`")
	f.StringVar(&flags.shared.url, "source", "", "open it with keys in a database or Redis, at this `URL`; env:NAME takes it from a variable")
	f.StringVar(&flags.shared.ring, "ring", "", "`NAME` of the ring in the database or Redis, if it has one")
	f.BoolVar(&flags.insecureFileMode, "insecure-file-mode", false, "accept a file that group or others have rights to")
	f.StringArrayVar(&flags.identities, "age-identity", nil, "unwrap secrets with the age identities in `FILE`")
	f.StringVar(&flags.passphrase, "passphrase-file", "", "unwrap secrets with the passphrase in `FILE`"+passphraseHelp)
	f.StringVar(&flags.name, "name", hardtack.DefaultName, "`NAME` of the cookie")
	f.StringVar(&flags.audience, "audience", "", "`AUDIENCE` of the application, if it has one")
	f.Var(&flags.lifetime, "lifetime", "the application's Lifetime")
	f.Var(&flags.idle, "idle", "the application's IdleTimeout")
	f.Var(&flags.at, "at", "judge as at this `TIME`: 2030-06-01T12:00:00Z, or from now on +7d or -36h")
	f.BoolVar(&flags.noPayload, "no-payload", false, "do not print the session's data")
	for _, name := range []string{"keys", "age-identity", "passphrase-file"} {
		_ = cmd.MarkFlagFilename(name) // it is there
	}
	cmd.MarkFlagsMutuallyExclusive("passphrase-file", "age-identity")
	cmd.MarkFlagsMutuallyExclusive("keys", "source")
	cmd.MarkFlagsMutuallyExclusive("keys", "ring")
	for _, name := range []string{"lifetime", "idle"} {
		f.Lookup(name).DefValue = "" // not known
	}
	return cmd
}

// readInput returns the argument, or what standard input has if it is -.
func readInput(arg string, in io.Reader) (string, error) {
	piped := arg == "-"
	if piped {
		data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
		if err != nil {
			return "", fail("failed", "standard input: %w", err)
		}
		arg = string(data)
	}
	switch _, err := os.Stat(arg); {
	case err == nil && !piped:
		return "", usagef("%v is a file: give the cookie in it as standard input, hardtack inspect - < %v, or if it holds keys, name it with --keys", untrusted(arg), untrusted(arg))
	case len(arg) > maxInput:
		return "", usagef("more than %d bytes to inspect", maxInput)
	case strings.TrimSpace(arg) == "":
		return "", usagef("nothing to inspect")
	}
	return arg, nil
}

// choose returns the cookies that are meant. A whole message need not have any.
func (f *inspectFlags) choose(all []presented, named bool, whole message) ([]presented, error) {
	if len(all) == 1 && (!all[0].named || !named && whole == "") {
		return all, nil
	}
	named = named || slices.ContainsFunc(all, func(p presented) bool { return p.name == f.name })
	chosen := slices.DeleteFunc(slices.Clone(all), func(p presented) bool {
		if named {
			return p.name != f.name
		}
		return seal.WellFormed(p.value) != nil // nothing has the default name: what looks like ours
	})
	if len(chosen) > 0 {
		return chosen, nil
	}
	var names []string
	for _, p := range all {
		if name := untrusted(p.name).String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0 && whole == "":
		return nil, fail("no-cookie", "there is no cookie in this")
	case len(names) == 0:
		return nil, fail("no-cookie", "%s cookie %v", whole, untrusted(f.name))
	}
	hint := ""
	if !named {
		hint = "; --name says which is meant"
	}
	return nil, fail("no-cookie", "%s cookie %v, but %s%s", cmp.Or(whole, "there is no"), untrusted(f.name), strings.Join(names, ", "), hint)
}

// oneCookie is what the arguments of inspect must be.
func oneCookie(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("one cookie is needed, or - for standard input; one with spaces needs quotes")
	}
	return nil
}

func (f *inspectFlags) inspect(ctx context.Context, found []presented, now time.Time) (*inspection, error) {
	if f.at.text != "" {
		now = f.at.moment(now)
	}
	var j *judge
	if f.file != "" || f.shared.url != "" {
		wrapper, err := f.wrapper()
		if err != nil {
			return nil, err
		}
		set, err := f.load(ctx)
		if err != nil {
			return nil, err
		}
		j = &judge{
			from: f.source.name(), set: set, status: set.Status(now), wrapper: wrapper, audience: f.audience,
			lifetime: time.Duration(f.lifetime), idle: time.Duration(f.idle), at: now,
		}
	}
	result := &inspection{At: instant{now.UTC()}}
	for _, p := range found {
		c := &inspected{Form: p.form(), Name: untrusted(cmp.Or(p.name, f.name))}
		result.Cookies = append(result.Cookies, c)
		if p.setCookie {
			c.Name = untrusted(p.name)
			c.Attributes, c.Remarks = p.attributes, p.remarks(now)
		}
		if p.setCookie && p.value == "" && slices.ContainsFunc(c.Remarks, func(r remark) bool { return r.Code == "expires-it" }) {
			c.OK = true // the end of a session: there is nothing to open
			continue
		}
		c.Outside, c.Refusal = look(string(c.Name), p.value)
		if j != nil && c.Outside != nil {
			if err := j.open(ctx, c, p.value, !f.noPayload); err != nil {
				return nil, f.explain(err)
			}
		}
		c.OK = c.Refusal == nil
		if size := len(c.Name) + len(p.value); !p.setCookie && c.OK && size > maxCookie {
			c.Remarks = append(c.Remarks, tooLarge(size))
		}
	}
	return result, nil
}

// faulty reports whether there is something to see to.
func (c *inspected) faulty() bool {
	return !c.OK || slices.ContainsFunc(c.Remarks, func(r remark) bool { return r.Refused })
}

// size says how much of what browsers keep a cookie takes.
func (o *outside) size() string {
	return fmt.Sprintf("%d characters, %d bytes, %d of them sealed; %d of %d with the name", o.Characters, o.Bytes, o.SealedBytes, o.CookieBytes, o.Limit)
}
