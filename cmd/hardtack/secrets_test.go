package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// traces are pieces of a secret in every form in which it could be printed.
func traces(secret []byte) (found []string) {
	const piece = 5 // bytes; shorter ones turn up by chance
	for i := range len(secret) - piece + 1 {
		part := secret[i : i+piece]
		decimal := strings.Trim(fmt.Sprint(part), "[]")
		found = append(found, string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), decimal, strings.ReplaceAll(decimal, " ", ", "))
	}
	for shift := range 3 { // base64 depends on where in a group of three it begins
		text := base64.RawStdEncoding.EncodeToString(secret[shift:])
		for i := range len(text) - 8 {
			found = append(found, text[i:i+8], strings.NewReplacer("+", "-", "/", "_").Replace(text[i:i+8]))
		}
	}
	return found
}

// detector knows secrets that must not be printed.
type detector map[string][]string // traces by secret

func (d detector) add(secrets ...[]byte) {
	for _, s := range secrets {
		if s != nil && d[string(s)] == nil {
			d[string(s)] = traces(s)
		}
	}
}

// addFile adds the secrets in a key file, if it is there.
func (d detector) addFile(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		return
	}
	for _, k := range readKeys(t, path).Keys {
		d.add(k.ExposeSecret())
	}
}

// check fails if any of the secrets is in text.
func (d detector) check(t *testing.T, text, what string) {
	t.Helper()
	for _, found := range d {
		for _, trace := range found {
			if strings.Contains(text, trace) {
				t.Errorf("%s prints a piece of a secret, %q:\n%s", what, trace, text)
				return
			}
		}
	}
}

func TestTracesAreFound(t *testing.T) {
	secret := randomSecret(1)
	for _, text := range []string{
		string(secret), base64.StdEncoding.EncodeToString(secret), base64.URLEncoding.EncodeToString(secret), base64.StdEncoding.EncodeToString(append([]byte("x"), secret...)),
		hex.EncodeToString(secret), fmt.Sprintf("%X", secret), fmt.Sprint(secret), fmt.Sprintf("%#v", secret[3:9]), base64.StdEncoding.EncodeToString(secret)[9:30],
	} {
		found := false
		for _, trace := range traces(secret) {
			found = found || strings.Contains(text, trace)
		}
		if strings.HasPrefix(text, "[]byte{0x") {
			continue
		}
		assert.True(t, found, text)
	}
}

func randomSecret(seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 0))
	secret := make([]byte, hardtack.SecretSize)
	for i := range secret {
		secret[i] = byte(random.Uint32())
	}
	return secret
}

// planted is a file with secrets that a test knows, and the ID of the key that is announced.
func planted(t *testing.T) (file string, announced hardtack.KeyID, secrets [][]byte) {
	t.Helper()
	set := hardtack.KeySet{Retain: day + skew}
	for i := range uint64(3) {
		secret := randomSecret(i)
		k, err := hardtack.NewKey(secret, noon.Add(time.Duration(1-int(i))*day), time.Time{})
		require.NoError(t, err)
		set.Keys = append(set.Keys, k)
		secrets = append(secrets, secret)
	}
	data, err := set.Encode()
	require.NoError(t, err)
	return writeFile(t, string(data)), set.Keys[0].ID(), secrets
}

// sealedWith is a cookie of a key in the file.
func sealedWith(t *testing.T, file string) string {
	t.Helper()
	ring, err := hardtack.NewKeyring(readKeys(t, file).Keys...)
	require.NoError(t, err)
	rec := hardtack.Record{Kind: hardtack.KindInline, Seed: hardtack.Seed(randomSecret(9)[:16]), Created: noon, Issued: noon, Expires: noon.Add(day), Serializer: hardtack.JSON{}, Payload: []byte(`{}`)}
	value, _, err := hardtack.NewSealedCodec(ring).Seal(context.Background(), nil, hardtack.Binding{Name: hardtack.DefaultName, Now: noon}, &rec)
	require.NoError(t, err)
	return string(value)
}

func TestNoCommandPrintsASecret(t *testing.T) {
	for _, extra := range [][]string{nil, {"--json"}} {
		file, announced, secrets := planted(t)
		known := make(detector)
		known.add(secrets...)
		known.add(randomSecret(9)[:16]) // the seed of the session
		cookie := sealedWith(t, file)
		idFile, id := identity(t)
		made := filepath.Join(t.TempDir(), "made.json")
		picture := filepath.Join(t.TempDir(), "keys.svg")
		t.Setenv("SESSION_SECRET", base64.StdEncoding.EncodeToString(secrets[0])+","+hex.EncodeToString(secrets[1]))
		ran := make(map[string]bool)
		for _, args := range [][]string{
			{"keys", "init", "--file", made},
			{"keys", "init", "--file", made},
			{"keys", "init", "--file", file},
			{"keys", "init", "--from-env", "SESSION_SECRET", "--file", filepath.Join(t.TempDir(), "env.json")},
			{"keys", "list", "--file", file},
			{"keys", "list", "--times", "--svg", picture, "--file", file},
			{"keys", "check", "--every", "1h", "--lifetime", "30d", "--file", file},
			{"keys", "rotate", "--file", file},
			{"keys", "promote", announced.String(), "--file", file},
			{"keys", "promote", announced.String(), "--file", file},
			{"keys", "rotate", "--now", "--file", file},
			{"keys", "rotate", "--file", made},
			{"keys", "revoke", announced.String(), "--file", file},
			{"keys", "lifetime", "30d", "--file", file},
			{"keys", "prune", "--dry-run", "--file", file},
			{"keys", "prune", "--file", file},
			{"keys", "simulate", "--over", "90d"},
			{"keys", "wrap", "--age-identity", idFile, "--file", file},
			{"keys", "list", "--file", file},
			{"keys", "rotate", "--file", file},
			{"inspect", "--keys", file, "--age-identity", idFile, cookie},
			{"keys", "unwrap", "--age-identity", idFile, "--file", file},
			{"inspect", cookie},
			{"inspect", "--keys", file, cookie},
			{"inspect", "--keys", file, "--name", "other", cookie},
			{"completion", "bash"},
			{"help", "keys"},
			{"keys"},
			{"__complete", "keys", "revoke", "--file", file, ""},
		} {
			r := run(t, append(args, extra...)...)
			ran[strings.Join(args[:min(2, len(args))], " ")] = true
			known.addFile(t, file) // new secrets are made as well
			known.addFile(t, made)
			known.check(t, r.out+r.err, strings.Join(args, " "))
			assert.NotContains(t, r.out+r.err, id.String())
		}
		drawn, err := os.ReadFile(picture)
		require.NoError(t, err)
		known.check(t, string(drawn), "--svg")
		for _, cmd := range newKeysCommand(new(app)).Commands() {
			assert.True(t, ran["keys "+cmd.Name()], cmd.Name())
		}
	}
}

// A broken file has its secrets anywhere, and so must not be quoted.
func TestNoErrorQuotesABrokenFile(t *testing.T) {
	file, _, secrets := planted(t)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	known := make(detector)
	known.add(secrets...)
	var broken [][]byte
	for i := 0; i < len(whole); i += 7 {
		broken = append(broken, whole[:i], append(bytes.Clone(whole[:i]), whole[min(i+1, len(whole)):]...))
	}
	text := base64.StdEncoding.EncodeToString(secrets[0])
	for _, content := range []string{
		text, `{"version":1,"keys":"` + text + `"}`, `{"version":"` + text + `"}`, `{"` + text + `":1}`, `{"version":1,"retain":"` + text + `"}`,
		`{"version":1,"keys":[{"id":"` + text + `"}]}`, `{"version":1,"keys":[{"id":"5d0c11fe","secret":"` + text + `"}]}`,
		`{"version":1,"keys":[{"id":"5d0c11fe","secret":"` + text[1:] + `"}]}`, `{"version":1,"keys":[{"created":"` + text + `"}]}`, `{"version":1}` + text,
	} {
		broken = append(broken, []byte(content))
	}
	for _, content := range broken {
		path := writeFile(t, string(content))
		for _, args := range [][]string{
			{"keys", "list"}, {"keys", "rotate"}, {"keys", "check"}, {"keys", "init"}, {"keys", "prune"}, {"keys", "revoke", "5d0c11fe"}, {"keys", "list", "--json"},
		} {
			r := run(t, append(args, "--file", path)...)
			known.check(t, r.out+r.err, strings.Join(args, " "))
		}
		t.Setenv("SESSION_SECRET", string(bytes.ReplaceAll(content, []byte{0}, nil)))
		r := run(t, "keys", "init", "--from-env", "SESSION_SECRET", "--file", filepath.Join(t.TempDir(), "env.json"))
		known.check(t, r.out+r.err, "keys init --from-env")
	}
}
