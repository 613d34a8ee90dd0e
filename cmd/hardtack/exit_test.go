package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The statuses are those of the real program.
func TestExitStatus(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	missing := filepath.Join(t.TempDir(), "none.json")
	broken := writeFile(t, "{")
	for _, c := range []struct {
		args   string
		status int
	}{
		{"", exitOK},
		{"--help", exitOK},
		{"--version", exitOK},
		{"help keys rotate", exitOK},
		{"help keys rotat", exitUsage},
		{"keys", exitOK},
		{"kays", exitUsage},
		{"keys rotat", exitUsage},
		{"--nonsense", exitUsage},
		{"keys list", exitUsage},
		{"keys list --file", exitUsage},
		{"keys list extra --file " + file, exitUsage},
		{"keys list --file " + missing, exitFailure},
		{"keys list --file " + broken, exitFailure},
		{"keys rotate --file " + missing, exitFailure},
		{"keys promote 5d0c11fe --file " + missing, exitFailure},
		{"keys revoke 5d0c11fe --file " + missing, exitFailure},
		{"keys prune --file " + missing, exitFailure},
		{"keys prune --dry-run --file " + missing, exitFailure},
		{"keys check --file " + missing, exitFailure},
		{"keys init --file " + missing + "/keys.json", exitFailure},
		{"keys init --file " + broken, exitFailure},
		{"keys init --lifetime 500d --file " + file, exitUsage},
		{"keys init --lifetime soon --file " + file, exitUsage},
		{"keys init --file " + file, exitOK},
		{"keys init --file " + file, exitFailure},
		{"keys list --file " + file, exitOK},
		{"keys list --at yesterday --file " + file, exitUsage},
		{"keys list --svg " + missing + "/x.svg --file " + file, exitFailure},
		{"keys check --file " + file, exitOK},
		{"keys check --lifetime 30d --file " + file, exitFailure},
		{"keys check --every 30d --at +60d --file " + file, exitFailure},
		{"keys rotate --now --propagation 1h --file " + file, exitUsage},
		{"keys rotate --lifetime 0s --file " + file, exitUsage},
		{"keys rotate --file " + file, exitOK},
		{"keys rotate --file " + file, exitFailure},
		{"keys promote --file " + file, exitUsage},
		{"keys promote 5d0c11f --file " + file, exitUsage},
		{"keys promote 5d0c11fe5 --file " + file, exitUsage},
		{"keys promote 5d0c11fg --file " + file, exitUsage},
		{"keys promote 00000000 --file " + file, exitUsage},
		{"keys promote 5d0c11fe --file " + file, exitFailure},
		{"keys revoke 5d0c11f --file " + file, exitUsage},
		{"keys revoke 5d0c11fe 5d0c11ff --file " + file, exitUsage},
		{"keys revoke 5d0c11fe --file " + file, exitOK},
		{"keys revoke 5d0c11fe --file " + file, exitOK},
		{"keys prune --file " + file, exitOK},
		{"keys simulate --over 90d", exitOK},
		{"keys simulate --over 90d --late-deploy 2d", exitFailure},
		{"keys simulate --over 90d --propagation 1m", exitUsage},
		{"inspect nonsense", exitFailure},
	} {
		r := execute(t, strings.Fields(c.args)...)
		assert.Equal(t, c.status, r.status, "%s\n%s%s", c.args, r.out, r.err)
		if r.status == exitUsage {
			assert.Contains(t, r.err, " --help' for how it is used.", c.args)
			assert.Empty(t, r.out, c.args)
		}
		if r.status == exitOK {
			assert.NotEmpty(t, r.out, c.args)
		}
	}
}

func TestErrorsAsJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	check := func(code string, status int, args ...string) {
		t.Helper()
		r := run(t, append(args, "--json")...)
		assert.Equal(t, status, r.status)
		assert.Equal(t, code, errorCode(t, r))
		assert.Empty(t, r.out)
	}
	check("missing", exitFailure, "keys", "list", "--file", file)
	require.Zero(t, run(t, "keys", "init", "--file", file).status)
	check("exists", exitFailure, "keys", "init", "--file", file)
	check("exists", exitFailure, "keys", "init", "--file", writeFile(t, ""))
	check("no-such-key", exitFailure, "keys", "promote", "5d0c11fe", "--file", file)
	check("not-announced", exitFailure, "keys", "promote", readKeys(t, file).Keys[0].ID().String(), "--file", file)
	require.Zero(t, run(t, "keys", "rotate", "--file", file).status)
	check("announced", exitFailure, "keys", "rotate", "--file", file)
	check("announced", exitFailure, "keys", "rotate", "--now", "--file", file)
	check("broken", exitFailure, "keys", "list", "--file", writeFile(t, "{}"))
	check("usage", exitUsage, "keys", "revoke", "xyz", "--file", file)
	check("usage", exitUsage, "keys", "list")
	check("usage", exitUsage, "keys", "list", "--nonsense")
	check("usage", exitUsage, "kays")
	require.NoError(t, os.Chmod(file, 0o644))
	check("file-mode", exitFailure, "keys", "list", "--file", file)
	assert.Zero(t, run(t, "keys", "list", "--insecure-file-mode", "--file", file).status)
}

func TestVersion(t *testing.T) {
	r := execute(t, "--version")
	assert.Regexp(t, `^hardtack \S+( \S+)? go1\.\d+\S*\n$`, r.out)
}

// What cobra says is put in words that help.
func TestMistakesAreExplained(t *testing.T) {
	for line, want := range map[string]string{
		"keys list":                   "say where the keys are: --file FILE or --source URL",
		"keys lifetime 1h":            "say where the keys are: --file FILE or --source URL",
		"keys list keys.json":         `hardtack keys list takes no argument, such as "keys.json"; give the file with --file`,
		"keys rotate keys.json --now": "give the file with --file",
		"keys lifetime --file x":      "one duration is needed, such as 24h or 30d",
		"inspect":                     "one cookie is needed, or - for standard input",
	} {
		r := run(t, strings.Fields(line)...)
		assert.Equal(t, exitUsage, r.status, line)
		assert.Contains(t, r.err, want)
	}
	r := run(t, "keys", "rotate", "--help")
	assert.Contains(t, r.out, `"was added less than 10s ago"`)
	assert.Contains(t, r.out, "umask 077; openssl rand -base64 24 > passphrase.txt")
	assert.Contains(t, run(t, "inspect", "--help").out, "umask 077; openssl rand -base64 24 > passphrase.txt")
}

// Who has lost the keys must not make others while servers still have them.
func TestMissingKeysMayBeRestored(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	for _, command := range []string{"check", "list", "rotate"} {
		r := run(t, "keys", command, "--file", file)
		assert.Equal(t, exitFailure, r.status)
		assert.Contains(t, r.out+r.err, "Keyring.Restore", command)
		assert.Contains(t, r.out+r.err, "docs/rotation.md, Restoring a backup", command)
	}
}
