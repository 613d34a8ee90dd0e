package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
)

func newInitCommand(a *app) *cobra.Command {
	var src source
	var wrap wrapping
	var env string
	lifetime := durationFlag(24 * time.Hour)
	cmd := &cobra.Command{
		Use:   "init --file FILE",
		Short: "Make a key file with one key, which seals at once",
		Long: `Make a key file with one key, which seals at once. A file that exists is left
as it is, and the exit status is 1. So it is for keys in a database, whose table
is made if it is not there, or Redis.

--lifetime is the longest Lifetime of the Jars that use the keys. It says how
long a key goes on opening after its successor has begun to seal; were it too
short, sessions would end early. A Jar whose Lifetime is longer is refused.

--from-env takes over the secrets that stand in an environment variable today,
so that nobody is logged out: 32 bytes each in base64 or hexadecimal, separated
by commas, the one that seals first. The others retire when the sessions that
they may have sealed until now have ended.`,
		Example: `  hardtack keys init --file keys.json
  hardtack keys init --file keys.json --lifetime 30d
  hardtack keys init --file keys.json --from-env SESSION_SECRET
  hardtack keys init --file keys.json --passphrase-file passphrase.txt
  hardtack keys init --source env:DATABASE_URL --passphrase-file passphrase.txt`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkLifetime("--lifetime", time.Duration(lifetime)); err != nil {
				return err
			}
			wrapper, err := wrap.wrapper()
			if err != nil {
				return err
			}
			now := a.moment()
			first, err := firstKeys(cmd, env, now)
			if err != nil {
				return err
			}
			first = withLifetime(first, time.Duration(lifetime), now)
			if env == "" {
				first, _ = first.Announce(now, now)
			}
			src.shared.create = true
			set, err := src.put(cmd.Context(), wrapper, func(set hardtack.KeySet) (hardtack.KeySet, error) {
				if len(set.Keys) > 0 {
					return set, fail("exists", "%s exists already, and is left as it is", src.name())
				}
				return first, nil
			})
			if errors.Is(err, hardtack.ErrKeySet) {
				return fail("exists", "%s exists already, though not as a key file, and is left as it is", src.name())
			}
			if err != nil {
				return err
			}
			return a.print(list(set, now), func(w io.Writer) {
				fmt.Fprintf(w, "Made %s for sessions of up to %s.\n", src.name(), formatDuration(time.Duration(lifetime)))
				for _, st := range set.Status(now) {
					sentence(w, st, now)
				}
			})
		},
	}
	src.addWriteFlags(cmd)
	wrap.addFlags(cmd)
	cmd.Flags().Var(&lifetime, "lifetime", "the longest Lifetime of the Jars that use the keys")
	cmd.Flags().StringVar(&env, "from-env", "", "take over the secrets in the environment variable `NAME`")
	return cmd
}

// firstKeys returns the keys in an environment variable, none if it has no name.
func firstKeys(cmd *cobra.Command, env string, now time.Time) (hardtack.KeySet, error) {
	if env == "" {
		return hardtack.KeySet{}, nil
	}
	data, err := hardtack.EnvKeys(env).LoadKeys(cmd.Context())
	if err != nil {
		return hardtack.KeySet{}, err
	}
	if data == nil {
		return hardtack.KeySet{}, fail("missing", "the environment variable %s is not set, or empty", env)
	}
	set, err := hardtack.ParseKeySet(data)
	if err != nil {
		return hardtack.KeySet{}, fmt.Errorf("environment variable %s: %w", env, err)
	}
	return dated(set, now)
}

// dated gives keys without a time one, in the order that they are in: as if they had all sealed until now. When they
// really did, nobody knows, and they must not retire before the sessions of today have ended.
func dated(s hardtack.KeySet, now time.Time) (hardtack.KeySet, error) {
	s.Keys = slices.Clone(s.Keys)
	begin := now.Add(-skew) // no server's clock is to think that they are still to come
	for i, k := range s.Keys {
		if k.Revoked() || k.Erased() || k.Activate().Year() >= 2000 {
			continue
		}
		var err error
		if s.Keys[i], err = k.WithTimes(begin.Add(-time.Duration(i)*time.Second), k.Retire()); err != nil {
			return s, err
		}
	}
	return s, nil
}
