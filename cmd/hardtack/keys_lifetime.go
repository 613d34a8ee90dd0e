package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
)

// keeping is what keys lifetime prints.
type keeping struct {
	Warnings []string `json:"warnings,omitempty"`
	listing
}

func newLifetimeCommand(a *app) *cobra.Command {
	var src source
	cmd := &cobra.Command{
		Use:   "lifetime DURATION --file FILE",
		Short: "Say how long sessions live, and so how long keys are kept",
		Long: `Say how long sessions live: the longest Lifetime of the Jars that use the keys.
A key goes on opening for that long and 2 minutes after its successor has begun
to seal. Keys that have a successor already, and retire never or too early,
retire accordingly. No key retires earlier than before, and none is erased.

Raise it before the Lifetime of a Jar: a Jar that lives longer is refused.
Lower it after that, when the sessions that live longer have ended; a lower one
only counts for the keys that the next rotations replace.`,
		Example: `  hardtack keys lifetime 24h --file keys.json
  hardtack keys lifetime 30d --source env:DATABASE_URL`,
		Args: oneLifetime,
		RunE: func(cmd *cobra.Command, args []string) error {
			lifetime, err := parseDuration(args[0])
			if err != nil {
				return err
			}
			now := a.moment()
			var before, after hardtack.KeySet
			err = src.update(cmd.Context(), nil, func(s hardtack.KeySet) (hardtack.KeySet, error) {
				before, after = s, withLifetime(s, lifetime, now)
				return after, nil
			})
			if err != nil {
				return err
			}
			var warnings []string
			if after.Retain < before.Retain {
				warnings = append(warnings, fmt.Sprintf("keys were kept for %s until now: after the next rotation, sessions that live longer than %s can end early", formatDuration(before.Retain), formatDuration(lifetime)))
			}
			a.warn(warnings)
			return a.print(keeping{warnings, list(after, now)}, func(w io.Writer) {
				fmt.Fprintf(w, "Sessions live up to %s: a key opens for %s after its successor has begun to seal.\n", formatDuration(lifetime), formatDuration(after.Retain))
				for _, st := range after.Status(now) {
					if live(st) {
						sentence(w, st, now)
					}
				}
			})
		},
	}
	src.addWriteFlags(cmd)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

// withLifetime returns the keys as they are to be kept for sessions that live so long. None retires earlier by it.
func withLifetime(s hardtack.KeySet, lifetime time.Duration, now time.Time) hardtack.KeySet {
	s.Retain = lifetime + skew
	plan := hardtack.RotationPolicy{Retain: s.Retain}.Plan(s, now)
	return s.Apply(hardtack.RotationPlan{Retire: plan.Retire}, now)
}

// oneLifetime is what the argument of lifetime must be.
func oneLifetime(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("one duration is needed, such as 24h or 30d")
	}
	d, err := parseDuration(args[0])
	if err != nil {
		return err
	}
	return checkLifetime("lifetime", d)
}
