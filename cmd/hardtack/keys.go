package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
)

const (
	// skew is how far the clocks of two servers may differ.
	skew = 2 * time.Minute
	// maxLifetime is the longest Lifetime that a Jar takes.
	maxLifetime = 400 * day
	// interval is how often servers look at their source, if nothing else was said to them.
	interval = 10 * time.Second
)

func newKeysCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list, rotate, revoke and check keys",
		Long: `Make, list, rotate, revoke and check the keys of a key file, or of a source that
a fleet shares: a database or Redis, given by --source, such as
postgres://user:password@host/database, mysql://…, redis://… or sqlite:FILE. A
password is better kept in a variable: --source env:NAME.

A key is announced first, so that it reaches every server; then it seals; when
its successor seals, it only opens; and when the last session that it sealed
has ended, it retires.

  announced          sealing            retiring           gone
  |-- propagation ---|------------------|---- lifetime ----|`,
		Example: `  hardtack keys init --file keys.json
  hardtack keys rotate --file keys.json
  hardtack keys list --file keys.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newInitCommand(a), newListCommand(a), newRotateCommand(a), newPromoteCommand(a),
		newRevokeCommand(a), newPruneCommand(a), newLifetimeCommand(a), newCheckCommand(a), newWrapCommand(a), newUnwrapCommand(a), newSimulateCommand(a),
	)
	return cmd
}

// moment is now, to the millisecond as the times in a KeySet are.
func (a *app) moment() time.Time { return a.now().UTC().Truncate(time.Millisecond) }

// settled is when a key that was to seal at the time now does: that, or a moment later, as no two keys begin at the same time.
func settled(s hardtack.KeySet, id hardtack.KeyID, now time.Time) time.Time {
	if k, ok := s.Find(id); ok && k.Activate().After(now) {
		return k.Activate()
	}
	return now
}

// warn writes to the error output what does not keep a command from doing its work; with --json, it is in what the command prints.
func (a *app) warn(warnings []string) {
	if a.json {
		return
	}
	for _, w := range warnings {
		fmt.Fprintf(a.err, "hardtack: warning: %s\n", w)
	}
}

// parseKeyID reads a key's ID as a command's argument.
func parseKeyID(text string) (hardtack.KeyID, error) {
	var id hardtack.KeyID
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return id, usagef("a key ID is exactly 8 hexadecimal digits, as keys list shows them")
	}
	if id == (hardtack.KeyID{}) {
		return id, usagef("00000000 is not the ID of any key")
	}
	return id, nil
}

// checkLifetime says whether a Jar could have such a Lifetime, which the user gave by this name.
func checkLifetime(name string, d time.Duration) error {
	if d < time.Second || d > maxLifetime {
		return usagef("%s %s: must be from 1s to %s, as that of a Jar", name, formatDuration(d), formatDuration(maxLifetime))
	}
	return nil
}

// statusOf returns a key's status, from among those of its set.
func statusOf(s hardtack.KeySet, id hardtack.KeyID, at time.Time) (hardtack.KeyStatus, bool) {
	for _, st := range s.Status(at) {
		if st.Key.ID() == id {
			return st, true
		}
	}
	return hardtack.KeyStatus{}, false
}

// inState returns the first key in this state, from the newest on.
func inState(s hardtack.KeySet, state hardtack.KeyState, at time.Time) (hardtack.KeyStatus, bool) {
	for _, st := range s.Status(at) {
		if st.State == state {
			return st, true
		}
	}
	return hardtack.KeyStatus{}, false
}

// sentence says when a key does what.
func sentence(w io.Writer, st hardtack.KeyStatus, now time.Time) {
	k := st.Key
	fmt.Fprintf(w, "Key %s ", k.ID())
	switch st.State {
	case hardtack.KeyAnnounced:
		fmt.Fprintf(w, "is announced and seals from %s on (%s)", absolute(k.Activate()), relative(k.Activate(), now))
	case hardtack.KeySealing:
		fmt.Fprint(w, "seals now")
		if !st.SealsUntil.IsZero() {
			fmt.Fprintf(w, ", until %s", absolute(st.SealsUntil))
		}
	case hardtack.KeyRetiring:
		fmt.Fprint(w, "only opens now")
	case hardtack.KeyGone:
		fmt.Fprint(w, "has retired")
	case hardtack.KeyRevoked:
		fmt.Fprint(w, "is revoked")
	}
	switch {
	case st.State == hardtack.KeyRevoked || st.State == hardtack.KeyGone:
	case !k.Retire().IsZero():
		fmt.Fprintf(w, "; it opens until %s (%s)", absolute(k.Retire()), relative(k.Retire(), now))
	case !st.SealsUntil.IsZero():
		fmt.Fprint(w, "; it never retires, unless hardtack keys lifetime says how long sessions live")
	}
	fmt.Fprintln(w, ".")
}

// onlyFlags is what the arguments must be of commands that take none.
func onlyFlags(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, such as %q; give the file with --file", cmd.CommandPath(), args[0])
	}
	return nil
}

// completeKeyIDs offers the keys of the file that --file names.
func (a *app) completeKeyIDs(src *source, states ...hardtack.KeyState) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 || src.file == "" {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		set, err := src.load(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var ids []cobra.Completion
		for _, st := range set.Status(a.now()) {
			for _, state := range states {
				if st.State == state {
					ids = append(ids, cobra.CompletionWithDesc(st.Key.ID().String(), state.String()))
				}
			}
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
}

// oneKeyID is what the arguments of promote and revoke must be.
func oneKeyID(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("one key ID is needed, as keys list shows them")
	}
	_, err := parseKeyID(args[0])
	return err
}
