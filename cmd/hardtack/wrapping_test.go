package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/agewrap"
)

// identity is an age identity in a file, and its recipient.
func identity(t *testing.T) (file string, id *age.X25519Identity) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "identity.txt")
	require.NoError(t, os.WriteFile(file, []byte("# made by a test\n"+id.String()+"\n"), 0o600))
	return file, id
}

func TestWrappedFile(t *testing.T) {
	idFile, id := identity(t)
	file := filepath.Join(t.TempDir(), "keys.json")
	to := []string{"--age-recipient", id.Recipient().String()}
	keys := func(now time.Time, args ...string) result {
		t.Helper()
		return runAt(t, now, append(append([]string{"keys"}, args...), "--file", file)...)
	}

	require.Zero(t, keys(noon, append([]string{"init"}, to...)...).status)
	first := readKeys(t, file).Keys[0]
	assert.True(t, first.Wrapped())

	// A new secret must be wrapped as well.
	r := keys(noon, "rotate", "--json")
	assert.Equal(t, "wrapped", errorCode(t, r))
	r = keys(noon, "revoke", first.ID().String(), "--json")
	assert.Equal(t, "wrapped", errorCode(t, r))
	require.Zero(t, keys(noon, append([]string{"rotate"}, to...)...).status)
	announced := readKeys(t, file).Keys[0]
	assert.True(t, announced.Wrapped())

	// The rest needs no wrapper.
	for _, args := range [][]string{{"list"}, {"check"}, {"promote", announced.ID().String()}, {"prune"}, {"revoke", "5d0c11fe"}} {
		r := keys(noon.Add(5*time.Minute), args...)
		assert.Zero(t, r.status, r.err)
	}
	assert.Contains(t, keys(noon, "list").out, "wrapped")

	// The identity wraps for itself.
	require.Zero(t, keys(noon.Add(time.Hour), "revoke", announced.ID().String(), "--age-identity", idFile).status)

	// A server opens what is there.
	ids, err := agewrap.ParseIdentitiesFile(idFile)
	require.NoError(t, err)
	wrapper, err := agewrap.New(nil, ids)
	require.NoError(t, err)
	clear, err := readKeys(t, file).Unwrap(t.Context(), wrapper)
	require.NoError(t, err)
	_, err = hardtack.NewKeyring(clear.Keys...)
	require.NoError(t, err)
}

// By the built program: the race detector would make scrypt take long.
func TestPassphrase(t *testing.T) {
	passphrase := filepath.Join(t.TempDir(), "passphrase")
	require.NoError(t, os.WriteFile(passphrase, []byte("correct horse battery staple\n"), 0o600))
	file := filepath.Join(t.TempDir(), "keys.json")
	r := execute(t, "keys", "init", "--passphrase-file", passphrase, "--file", file)
	require.Zero(t, r.status, r.err)
	assert.True(t, readKeys(t, file).Keys[0].Wrapped())
	r = execute(t, "keys", "unwrap", "--passphrase-file", passphrase, "--file", file)
	require.Zero(t, r.status, r.err)
	assert.False(t, readKeys(t, file).Keys[0].Wrapped())
}

func TestPassphraseFaults(t *testing.T) {
	const secret = "correct horse battery staple"
	file := filepath.Join(t.TempDir(), "keys.json")
	for content, mode := range map[string]os.FileMode{
		"": 0o600, "\n" + secret: 0o600, secret + "\nmore\n": 0o600, secret: 0o644, string(make([]byte, 5000)): 0o600,
	} {
		passphrase := filepath.Join(t.TempDir(), "passphrase")
		require.NoError(t, os.WriteFile(passphrase, []byte(content), mode))
		r := run(t, "keys", "init", "--passphrase-file", passphrase, "--file", file)
		assert.Equal(t, exitFailure, r.status)
		assert.Contains(t, r.err, passphrase)
		assert.NotContains(t, r.err, "horse")
		assert.NoFileExists(t, file)
	}
	assert.Equal(t, exitFailure, run(t, "keys", "init", "--passphrase-file", file+".none", "--file", file).status)
}

// Who confuses a recipient with an identity must not see it on the screen.
func TestRecipientFaults(t *testing.T) {
	idFile, id := identity(t)
	file := filepath.Join(t.TempDir(), "keys.json")
	for _, recipient := range []string{id.String(), "", "age1", id.Recipient().String() + "\n" + id.Recipient().String(), "nonsense"} {
		r := run(t, "keys", "init", "--age-recipient", recipient, "--file", file)
		assert.Equal(t, exitUsage, r.status)
		assert.NotContains(t, r.err, id.String()[:20])
		assert.NoFileExists(t, file)
	}
	require.NoError(t, os.Chmod(idFile, 0o644))
	r := run(t, "keys", "init", "--age-identity", idFile, "--file", file)
	assert.Equal(t, exitFailure, r.status)
	assert.NotContains(t, r.err, id.String()[:20])
	r = run(t, "keys", "init", "--age-identity", idFile, "--passphrase-file", idFile, "--file", file)
	assert.Equal(t, exitUsage, r.status)
}

func TestWrapperOnAFileInTheClear(t *testing.T) {
	_, id := identity(t)
	file, sealing, _ := rotated(t)
	r := run(t, "keys", "revoke", sealing.String(), "--age-recipient", id.Recipient().String(), "--json", "--file", file)
	assert.Equal(t, exitFailure, r.status)
	assert.Equal(t, "not-wrapped", errorCode(t, r))
	for _, k := range readKeys(t, file).Keys {
		assert.False(t, k.Wrapped() || k.Revoked())
	}
}

func TestWrapAndUnwrap(t *testing.T) {
	idFile, id := identity(t)
	file, _, _ := rotated(t)
	before := readKeys(t, file)
	to := []string{"--age-recipient", id.Recipient().String(), "--file", file}

	r := run(t, append([]string{"keys", "wrap"}, to...)...)
	require.Zero(t, r.status, r.err)
	assert.Equal(t, "Of the secrets in "+file+", 2 are wrapped and 0 in the clear.\n", r.out)
	for _, k := range readKeys(t, file).Keys {
		assert.True(t, k.Wrapped())
	}
	require.Zero(t, run(t, append([]string{"keys", "wrap"}, to...)...).status)

	_, other := identity(t)
	otherFile := filepath.Join(t.TempDir(), "other.txt")
	require.NoError(t, os.WriteFile(otherFile, []byte(other.String()), 0o600))
	assert.Equal(t, "wrapping", errorCode(t, run(t, "keys", "unwrap", "--age-identity", otherFile, "--json", "--file", file)))
	assert.Equal(t, "wrapping", errorCode(t, run(t, append([]string{"keys", "unwrap", "--json"}, to...)...)), "a recipient cannot unwrap")

	r = run(t, "keys", "unwrap", "--age-identity", idFile, "--file", file)
	require.Zero(t, r.status, r.err)
	after := readKeys(t, file)
	for i, k := range after.Keys {
		assert.Equal(t, before.Keys[i].ExposeSecret(), k.ExposeSecret())
		assert.Equal(t, before.Keys[i].Retire(), k.Retire())
		assert.Equal(t, before.Keys[i].Created(), k.Created())
	}

	assert.Equal(t, exitUsage, run(t, "keys", "wrap", "--file", file).status)
	assert.Equal(t, exitUsage, run(t, "keys", "unwrap", "--file", file).status)
}

// Secrets in the clear do not get into a database by unwrapping, unless somebody says so.
func TestUnwrapInADatabase(t *testing.T) {
	idFile, _ := identity(t)
	args := []string{"--age-identity", idFile, "--source", "sqlite:" + database(t)}
	require.Zero(t, run(t, append([]string{"keys", "init"}, args...)...).status)
	assert.Equal(t, "plaintext", errorCode(t, run(t, append([]string{"keys", "unwrap", "--json"}, args...)...)))
	assert.Zero(t, run(t, append([]string{"keys", "unwrap", "--insecure-plaintext-keys"}, args...)...).status)
}
