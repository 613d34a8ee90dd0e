package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/keyfile"
)

// source is where a command finds the keys, as its flags say: a file, or a source that a fleet shares.
type source struct {
	file             string
	insecureFileMode bool

	shared                shared
	insecurePlaintextKeys bool
}

// patience is how long a source may take.
const patience = 30 * time.Second

// addFlags gives cmd the flags. One of file and source is required.
func (s *source) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.file, "file", "", "the key `FILE`")
	f.BoolVar(&s.insecureFileMode, "insecure-file-mode", false, "accept a file that group or others have rights to")
	f.StringVar(&s.shared.url, "source", "", "keys in a database or Redis, at this `URL`; env:NAME takes it from a variable")
	f.StringVar(&s.shared.ring, "ring", "", "`NAME` of the ring in the database or Redis, if it has one")
	cmd.MarkFlagsOneRequired("file", "source") // for completion; PreRunE says it better
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if s.file == "" && s.shared.url == "" {
			return usagef("say where the keys are: --file FILE or --source URL")
		}
		return nil
	}
	cmd.MarkFlagsMutuallyExclusive("file", "source")
	cmd.MarkFlagsMutuallyExclusive("file", "ring")
	_ = cmd.MarkFlagFilename("file") // it is there
}

// addWriteFlags gives cmd the flags as well that only matter if it writes.
func (s *source) addWriteFlags(cmd *cobra.Command) {
	s.addFlags(cmd)
	cmd.Flags().BoolVar(&s.insecurePlaintextKeys, "insecure-plaintext-keys", false, "let secrets be in the clear in a database or Redis")
	cmd.MarkFlagsMutuallyExclusive("file", "insecure-plaintext-keys")
}

// name is what messages call it. It has no password in it.
func (s *source) name() string {
	if s.shared.url != "" {
		return s.shared.name()
	}
	return s.file
}

// plaintext is a store that may hold secrets in the clear because the user said so.
type plaintext struct{ hardtack.KeyStore }

func (plaintext) ConfidentialKeys() {}

// with calls f with the store.
func (s *source) with(ctx context.Context, f func(context.Context, hardtack.KeyStore) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if s.shared.url == "" {
		return s.explain(f(ctx, keyfile.New(s.file, keyfile.Options{InsecureFileMode: s.insecureFileMode})))
	}
	store, hangUp, err := s.shared.dial(ctx)
	if err != nil {
		return s.explain(err)
	}
	defer hangUp()
	if s.insecurePlaintextKeys {
		store = plaintext{store}
	}
	return s.explain(f(ctx, store))
}

// load returns the keys.
func (s *source) load(ctx context.Context) (set hardtack.KeySet, err error) {
	err = s.with(ctx, func(ctx context.Context, store hardtack.KeyStore) error {
		data, err := store.LoadKeys(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", hardtack.ErrKeySource, err)
		}
		if data == nil {
			return hardtack.ErrNoKeySet
		}
		set, err = hardtack.ParseKeySet(data)
		return err
	})
	return set, err
}

// put changes the keys, or makes the first.
func (s *source) put(ctx context.Context, w hardtack.KeyWrapper, change func(hardtack.KeySet) (hardtack.KeySet, error)) (set hardtack.KeySet, err error) {
	err = s.with(ctx, func(ctx context.Context, store hardtack.KeyStore) error {
		set, err = hardtack.UpdateKeys(ctx, store, w, change)
		return err
	})
	return set, err
}

// update changes the keys, unless there are none yet.
func (s *source) update(ctx context.Context, w hardtack.KeyWrapper, change func(hardtack.KeySet) (hardtack.KeySet, error)) error {
	_, err := s.put(ctx, w, func(set hardtack.KeySet) (hardtack.KeySet, error) {
		if len(set.Keys) == 0 {
			return set, hardtack.ErrNoKeySet
		}
		return change(set)
	})
	return err
}

// preview is update without writing anything.
func (s *source) preview(ctx context.Context, _ hardtack.KeyWrapper, change func(hardtack.KeySet) (hardtack.KeySet, error)) error {
	set, err := s.load(ctx)
	if err == nil {
		_, err = change(set)
	}
	return err
}

// explain makes a failure of an error of the source, with a stable code.
func (s *source) explain(err error) error {
	var failed *failure
	var mistake *usage
	if err == nil || errors.As(err, &failed) || errors.As(err, &mistake) {
		return err
	}
	if errors.Is(err, hardtack.ErrNoKeySet) {
		return fail("missing", "there are no keys in %s. If servers still run with keys that were there, do not make others: bring those back, "+
			"from a server by Keyring.Restore or from a backup; docs/rotation.md, Restoring a backup, says how. If there never were any, hardtack keys init makes the first", s.name())
	}
	if errors.Is(err, hardtack.ErrPlaintextKey) {
		return fail("plaintext", "%s: who reads it, or a backup of it, would have the keys: say by --age-recipient or --passphrase-file how to wrap them, or --insecure-plaintext-keys", s.name())
	}
	code := "failed"
	for _, known := range []struct {
		err  error
		code string
	}{
		{keyfile.ErrFileMode, "file-mode"},
		{keyfile.ErrLocked, "locked"},
		{hardtack.ErrReadOnlyKeys, "read-only"},
		{hardtack.ErrKeyWrapping, "wrapping"},
		{hardtack.ErrKeysChanged, "changed"},
		{hardtack.ErrKeySet, "broken"},
		{hardtack.ErrKeySource, "source"},
	} {
		if errors.Is(err, known.err) {
			code = known.code
			break
		}
	}
	return fail(code, "%s: %w", s.name(), err)
}
