package main

import (
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
)

// promotion is what keys promote prints.
type promotion struct {
	Promoted hardtack.KeyID `json:"promoted"`
	Warnings []string       `json:"warnings,omitempty"`
	listing
}

func newPromoteCommand(a *app) *cobra.Command {
	var src source
	cmd := &cobra.Command{
		Use:   "promote KEYID --file FILE",
		Short: "Let an announced key seal now",
		Long: `Let an announced key seal now, before its time. The key that seals today then
only opens, until the last session sealed with it has ended.

A key that is not announced, or not there, is left as it is, and the exit status
is 1.`,
		Example: `  hardtack keys promote 5d0c11fe --file keys.json`,
		Args:    oneKeyID,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseKeyID(args[0])
			if err != nil {
				return err
			}
			now := a.moment()
			var before, after hardtack.KeySet
			err = src.update(cmd.Context(), nil, func(s hardtack.KeySet) (hardtack.KeySet, error) {
				before = s
				after, err = s.Promote(id, now)
				return after, notPromoted(err, s, id, now)
			})
			if err != nil {
				return err
			}
			now = settled(after, id, now)
			var warnings []string
			if k, _ := before.Find(id); !k.Created().IsZero() && k.Created().After(now.Add(-skew)) {
				warnings = append(warnings, "it was announced less than 2m ago: servers that have not read it yet must do so when they meet it")
			}
			a.warn(warnings)
			return a.print(promotion{id, warnings, list(after, now)}, func(w io.Writer) {
				for _, st := range after.Status(now) {
					if st.State == hardtack.KeySealing || st.State == hardtack.KeyRetiring {
						sentence(w, st, now)
					}
				}
			})
		},
	}
	src.addWriteFlags(cmd)
	cmd.ValidArgsFunction = a.completeKeyIDs(&src, hardtack.KeyAnnounced)
	return cmd
}

// notPromoted says why a key cannot be promoted.
func notPromoted(err error, s hardtack.KeySet, id hardtack.KeyID, now time.Time) error {
	switch {
	case errors.Is(err, hardtack.ErrNoSuchKey):
		return fail("no-such-key", "there is no key %s", id)
	case errors.Is(err, hardtack.ErrKeyNotAnnounced):
		st, _ := statusOf(s, id, now)
		return fail("not-announced", "key %s is %s, and only an announced one can be promoted", id, st.State)
	}
	return err
}
