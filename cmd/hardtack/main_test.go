package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// program is the built command.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "hardtack")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "hardtack")
		if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
			return 1
		}
		return m.Run()
	}())
}

// result is what became of a command line.
type result struct {
	status   int
	out, err string
}

// noon is the time in tests.
var noon = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)

// runAt executes a command line in this process, with a clock that stands still.
func runAt(t *testing.T, now time.Time, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &out, err: &errs, now: func() time.Time { return now }}
	status := a.run(context.Background(), args)
	return result{status, out.String(), errs.String()}
}

func run(t *testing.T, args ...string) result {
	t.Helper()
	return runAt(t, noon, args...)
}

// execute executes a command line with the built program.
func execute(t *testing.T, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// decode reads JSON strictly.
func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	require.NoError(t, d.Decode(&v), text)
	return v
}

// changed is what commands that change keys print as JSON.
type changed struct {
	Added, Promoted   hardtack.KeyID
	Erased, Forgotten []hardtack.KeyID
	Retire            map[hardtack.KeyID]time.Time
	Was               string
	Successor         *hardtack.KeyID
	Warnings          []string
	Keys              []struct{ ID hardtack.KeyID }
}

// errorCode is the code of the error that a command printed as JSON.
func errorCode(t *testing.T, r result) string {
	t.Helper()
	return decode[struct {
		Error struct{ Code, Message string }
	}](t, r.err).Error.Code
}

// entry is a key of a file that a test writes.
type entry struct {
	seed                               byte // of the secret
	created, activate, retire, revoked time.Time
	erased                             bool
	wrapped                            []byte
}

func (e entry) secret() []byte { return bytes.Repeat([]byte{e.seed}, hardtack.SecretSize) }

func (e entry) id(t *testing.T) hardtack.KeyID {
	t.Helper()
	k, err := hardtack.NewKey(e.secret(), time.Time{}, time.Time{})
	require.NoError(t, err)
	return k.ID()
}

// writeKeys writes a key file and returns its path.
func writeKeys(t *testing.T, retain time.Duration, entries ...entry) string {
	t.Helper()
	doc := map[string]any{"version": 1}
	if retain > 0 {
		doc["retain"] = retain.String()
	}
	var keys []map[string]any
	for _, e := range entries {
		k := map[string]any{"id": e.id(t)}
		switch {
		case e.wrapped != nil:
			k["wrapped"] = e.wrapped
		case !e.erased && e.revoked.IsZero():
			k["secret"] = e.secret()
		}
		for name, at := range map[string]time.Time{"created": e.created, "activate": e.activate, "retire": e.retire, "revoked": e.revoked} {
			if !at.IsZero() {
				k[name] = at
			}
		}
		keys = append(keys, k)
	}
	doc["keys"] = keys
	data, err := json.Marshal(doc)
	require.NoError(t, err)
	return writeFile(t, string(data))
}

// writeFile writes a file that only its owner can read, in a folder of its own.
func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// readKeys returns what a key file holds.
func readKeys(t *testing.T, path string) hardtack.KeySet {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	set, err := hardtack.ParseKeySet(data)
	require.NoError(t, err)
	return set
}
