package agewrap_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/agewrap"
)

func write(t *testing.T, text string, mode os.FileMode) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	require.NoError(t, os.Chmod(path, mode))
	return path
}

func TestFiles(t *testing.T) {
	a, b := newIdentity(t), newIdentity(t)
	identities, err := agewrap.ParseIdentitiesFile(write(t, "# created: today\n# public key: "+a.Recipient().String()+"\n"+a.String()+"\r\n\n"+b.String(), 0o600))
	require.NoError(t, err)
	recipients, err := agewrap.ParseRecipientsFile(write(t, "# ours\n"+a.Recipient().String()+"\n"+b.Recipient().String()+"\n", 0o644))
	require.NoError(t, err)
	require.Len(t, identities, 2)
	require.Len(t, recipients, 2)
	got, err := newWrapper(t, nil, identities[1:]).Unwrap(t.Context(), wrapped(t, newWrapper(t, recipients, nil)))
	require.NoError(t, err)
	assert.Equal(t, secret, got)
}

func TestFilesThatOthersCanRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permissions of this kind")
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o610, 0o644, 0o666} {
		_, err := agewrap.ParseIdentitiesFile(write(t, newIdentity(t).String(), mode))
		assert.ErrorIs(t, err, agewrap.ErrPermissions, "%o", mode)
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		_, err := agewrap.ParseIdentitiesFile(write(t, newIdentity(t).String(), mode))
		assert.NoError(t, err, "%o", mode)
	}
}

func TestBrokenFiles(t *testing.T) {
	i := newIdentity(t).String()
	for name, text := range map[string]string{
		"empty":             "",
		"comments":          "# nothing\n\n",
		"a recipient":       newIdentity(t).Recipient().String(),
		"a broken identity": "# one\n" + i[:len(i)-1] + "\n",
		"a foreign letter":  strings.Replace(i, "1", "1B", 1),
		"an unknown line":   i + "\nhunter2\n",
		"encrypted":         string(encrypted(t, secret, newIdentity(t).Recipient())),
		"armoured":          "-----BEGIN AGE ENCRYPTED FILE-----\n",
		"too large":         strings.Repeat("# hunter2\n", 1<<17),
	} {
		_, err := agewrap.ParseIdentitiesFile(write(t, text, 0o600))
		require.ErrorIs(t, err, agewrap.ErrFile, name)
		assert.NotContains(t, err.Error(), "hunter2", name)
		assert.NotContains(t, err.Error(), "SECRET-KEY", name)
	}
	_, err := agewrap.ParseIdentitiesFile(write(t, "# one\nhunter2\n", 0o600))
	assert.ErrorContains(t, err, "line 2")
	_, err = agewrap.ParseRecipientsFile(write(t, i, 0o600))
	require.ErrorIs(t, err, agewrap.ErrFile, "an identity among the recipients")
	assert.NotContains(t, err.Error(), "SECRET-KEY")
	_, err = agewrap.ParseRecipientsFile(filepath.Join(t.TempDir(), "none"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// The age program reads what Wrap wrote, and Unwrap what the program wrote, with keys that age-keygen has made.
func TestInteroperatesWithTheProgram(t *testing.T) {
	for _, program := range []string{"age", "age-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s: scripts/install-test-deps installs it", program)
		}
	}
	run := func(input []byte, command ...string) []byte {
		t.Helper()
		var out, faults bytes.Buffer
		cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &faults
		require.NoError(t, cmd.Run(), "%s: %s", command[0], &faults)
		return out.Bytes()
	}
	file := filepath.Join(t.TempDir(), "identity")
	run(nil, "age-keygen", "-o", file)
	public := run(nil, "age-keygen", "-y", file)

	identities, err := agewrap.ParseIdentitiesFile(file)
	require.NoError(t, err)
	recipients, err := agewrap.ParseRecipientsFile(write(t, string(public), 0o644))
	require.NoError(t, err)
	w := newWrapper(t, recipients, identities)

	assert.Equal(t, secret, run(wrapped(t, w), "age", "--decrypt", "--identity", file))
	got, err := w.Unwrap(t.Context(), run(secret, "age", "--recipient", strings.TrimSpace(string(public))))
	require.NoError(t, err)
	assert.Equal(t, secret, got)
	assert.IsType(t, &age.X25519Identity{}, identities[0])
}
