package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
)

// revocation is what keys revoke prints.
type revocation struct {
	Revoked hardtack.KeyID `json:"revoked"`
	// Was is the state it was in, "unknown" if it was not there.
	Was string `json:"was"`
	// Successor is the key that was made because the revoked one sealed.
	Successor *hardtack.KeyID `json:"successor,omitempty"`
	listing
}

func newRevokeCommand(a *app) *cobra.Command {
	var src source
	var wrap wrapping
	cmd := &cobra.Command{
		Use:   "revoke KEYID --file FILE",
		Short: "End every session ever sealed with a key, at once",
		Long: `End every session that is sealed with a key, or ever was: those who have stolen
its secret get nothing from it any more, and those who were logged in with it
must log in again. Each server obeys when it next looks at its keys, after
10 seconds by default. It asks nothing, and nothing brings the key back.

If the key seals, a new one takes its place at once. The secret is erased, and
the ID is remembered until no session can be left; that of a key which is not
there is remembered as well.`,
		Example: `  hardtack keys revoke 5d0c11fe --file keys.json
  hardtack keys revoke 5d0c11fe --source env:DATABASE_URL --passphrase-file passphrase.txt`,
		Args: oneKeyID,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseKeyID(args[0])
			if err != nil {
				return err
			}
			wrapper, err := wrap.wrapper()
			if err != nil {
				return err
			}
			now := a.moment()
			var before, after hardtack.KeySet
			err = src.update(cmd.Context(), wrapper, func(s hardtack.KeySet) (hardtack.KeySet, error) {
				before, after = s, s.Revoke(id, now)
				return after, suits(wrapper, before, after)
			})
			if err != nil {
				return err
			}
			r := revoked(before, after, id, now)
			return a.print(r, func(w io.Writer) { r.write(w, before, after) })
		},
	}
	src.addWriteFlags(cmd)
	wrap.addFlags(cmd)
	cmd.ValidArgsFunction = a.completeKeyIDs(&src, hardtack.KeySealing, hardtack.KeyRetiring, hardtack.KeyAnnounced)
	return cmd
}

func revoked(before, after hardtack.KeySet, id hardtack.KeyID, now time.Time) revocation {
	r := revocation{Revoked: id, Was: "unknown"}
	if st, ok := statusOf(before, id, now); ok {
		r.Was = st.State.String()
	}
	for _, k := range after.Keys {
		if _, had := before.Find(k.ID()); !had && !k.Revoked() {
			successor := k.ID()
			r.Successor = &successor
			now = settled(after, successor, now)
		}
	}
	r.listing = list(after, now)
	return r
}

func (r revocation) write(w io.Writer, before, after hardtack.KeySet) {
	switch r.Was {
	case "unknown":
		fmt.Fprintf(w, "Key %s was not there. Its ID is remembered: every session ever sealed with it is refused.\n", r.Revoked)
	case hardtack.KeyRevoked.String():
		k, _ := before.Find(r.Revoked)
		fmt.Fprintf(w, "Key %s was revoked already, at %s. Every session ever sealed with it is refused.\n", r.Revoked, absolute(k.RevokedAt()))
	default:
		fmt.Fprintf(w, "Key %s is revoked. It was %s; its secret is erased, and every session ever sealed with it is refused by each server that reads this.\n", r.Revoked, r.Was)
	}
	if r.Successor != nil {
		fmt.Fprint(w, "A new key takes its place. ")
	}
	if st, ok := inState(after, hardtack.KeySealing, r.At); ok {
		sentence(w, st, r.At)
	}
}
