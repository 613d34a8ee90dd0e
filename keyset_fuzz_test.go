package hardtack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack"
)

// ksfSeeds are key sets, good and broken in every way that has a message of its own.
func ksfSeeds(f *testing.F) (seeds [][]byte) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	encode := func(s hardtack.KeySet, err error) []byte {
		if err != nil {
			f.Fatal(err)
		}
		data, err := s.Encode()
		if err != nil {
			f.Fatal(err)
		}
		return data
	}
	one, first := hardtack.KeySet{Retain: 25 * time.Hour}.Announce(now.Add(-48*time.Hour), now)
	two, _ := one.Announce(now, now)
	wrapped, err := two.Wrap(f.Context(), ksfWrapper{})
	erased, _, _ := two.Prune(now.Add(30 * time.Hour))
	good := encode(two, nil)
	seeds = append(seeds, encode(one, nil), good, encode(wrapped, err), encode(two.Revoke(first, now), nil), encode(erased, nil))

	wide := []byte(strings.Replace(string(good), `"secret": "`, `"wrapped": "", "secret": "`, 1)) // has every field that holds a text
	for _, broken := range [][2]string{
		{`"version": 1`, `"version": 2`}, {`"version"`, `"Version"`}, {`"version"`, `"verse"`}, {`"25h0m0s"`, `"-1s"`}, {`"25h0m0s"`, `"a day"`}, {`"25h0m0s"`, `25`},
		{`"keys"`, `"keys": [], "keys"`}, {`"id": "` + first.String(), `"id": "00000000`}, {`"id": "` + first.String(), `"id": "01020304`}, {first.String(), "0102"}, {first.String(), "xxxxxxxx"},
		{`"secret": "`, `"secret": "AA`}, {`"secret": "`, `"secret": "!`}, {`"secret"`, `"wrapped"`}, {`"secret": "`, `"revoked": "2030-01-02T03:04:05Z", "secret": "`}, {`"secret": "`, `"secret": ["`},
		{`"activate": "2030`, `"activate": "2031`}, {`"activate": "2030`, `"activate": "30`}, {`"activate": "`, `"activate": 12, "created": "`}, {`"secret"`, `"unkeyed"`}, {"\n}", "\n}{}"}, {"{", "[{"},
	} {
		data := bytes.Replace(good, []byte(broken[0]), []byte(broken[1]), 1)
		if bytes.Equal(data, good) {
			f.Fatalf("%s is not in the key set", broken[0])
		}
		seeds = append(seeds, data)
	}
	secret := good[bytes.Index(good, []byte(`"secret": "`))+len(`"secret": "`):][:43]
	for _, place := range []string{`"version": 1`, `"retain": "`, `"id": "`, `"wrapped": "`, `"created": "`, `"activate": "`, `"secret`, `{`, `[`} {
		where := bytes.Index(wide, []byte(place)) + len(place)
		seeds = append(seeds, slices.Concat(wide[:where], secret, wide[where:]))
	}
	entry := good[bytes.LastIndex(good, []byte("    {")) : bytes.LastIndex(good, []byte("]"))-1]
	many := func(n int, format string) string {
		var entries []string
		for i := range n {
			entries = append(entries, fmt.Sprintf(format, i+1))
		}
		return `{"version":1,"keys":[` + strings.Join(entries, ",") + `]}`
	}
	for _, text := range []string{
		"", " \n", "ahoy", "null", "{}", "[]", `{"version":1}`, `{"version":1,"keys":[]}`, `{"version":1,"keys":[{}]}`, string(good[:len(good)/2]), string(good) + string(good),
		`{"version":1,"keys":[` + string(entry) + "," + string(entry) + `]}`, `{"version":1,"keys":[{"id":"01020304"}]}`, `{"version":1,"keys":[{"id":"01020304","revoked":"2030-01-02T03:04:05Z"}]}`,
		many(129, `{"id":"%08x","wrapped":"AAAA"}`), many(1025, `{"id":"%08x","revoked":"2030-01-02T03:04:05Z"}`), `{"version":1,"keys":[{"id":"01020304","wrapped":"` + strings.Repeat("A", 12000) + `"}]}`,
		strings.Repeat(" ", hardtack.MaxKeySetSize+1), strings.Repeat(`{"keys":[`, 100),
	} {
		seeds = append(seeds, []byte(text))
	}
	return seeds
}

// ksfWrapper wraps nothing well.
type ksfWrapper struct{ hardtack.KeyWrapper }

func (ksfWrapper) Wrap(_ context.Context, secret []byte) ([]byte, error) {
	return append(secret, "wrapped"...), nil
}

var (
	ksfPublic = regexp.MustCompile(`[0-9a-f]{8}|[0-9]+`)             // what an error may repeat: IDs, sizes, versions, offsets
	ksfSecret = regexp.MustCompile(`[A-Za-z0-9+/=_-]{16,}|"[^"]*"?`) // what may be a secret, or a part of one
)

const ksfTrace = 6

// FuzzParseKeySet: no document panics; an error matches ErrKeySet and repeats nothing that could be a secret; what is read is written
// as something that reads the same.
func FuzzParseKeySet(f *testing.F) {
	said := "" // what the seeds' errors say
	accepted := 0
	others := ksfSeeds(f) // with other secrets
	for i, seed := range ksfSeeds(f) {
		if len(seed) < 10_000 { // the fuzzer is slow with more
			f.Add(seed)
		}
		_, err := hardtack.ParseKeySet(seed)
		if err == nil {
			accepted++
			continue
		}
		text := ksfPublic.ReplaceAllString(err.Error(), " ")
		if _, err := hardtack.ParseKeySet(others[i]); err == nil || ksfPublic.ReplaceAllString(err.Error(), " ") != text {
			f.Fatalf("seed %d: the error depends on the secret: %s", i, text)
		}
		said += text + "\n"
	}
	if accepted < 5 || strings.Count(said, "\n") < 20 {
		f.Fatalf("%d seeds are good, the others' errors are\n%s", accepted, said)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := hardtack.ParseKeySet(data)
		if err != nil {
			if !errors.Is(err, hardtack.ErrKeySet) {
				t.Fatalf("not ErrKeySet: %v", err)
			}
			text := ksfPublic.ReplaceAllString(err.Error(), " ")
			for _, secret := range ksfSecret.FindAll(data, -1) {
				for i := range len(text) - ksfTrace + 1 {
					if trace := text[i : i+ksfTrace]; bytes.Contains(secret, []byte(trace)) && !strings.Contains(said, trace) {
						t.Fatalf("the error repeats %q: %v", trace, err)
					}
				}
			}
			return
		}
		encoded, err := s.Encode()
		if err != nil {
			if len(data) < hardtack.MaxKeySetSize/4 { // it grows by spaces, and by times that are written in full
				t.Fatalf("read, but not written: %v", err)
			}
			return
		}
		again, err := hardtack.ParseKeySet(encoded)
		if err != nil {
			t.Fatalf("written, but not read: %v", err)
		}
		if second, err := again.Encode(); err != nil || !bytes.Equal(encoded, second) {
			t.Fatalf("written differently: %v\n%s\n%s", err, encoded, second)
		}
	})
}
