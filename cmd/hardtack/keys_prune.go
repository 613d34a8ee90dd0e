package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
)

// pruning is what keys prune prints.
type pruning struct {
	// Erased are the keys whose secrets went, Forgotten those of which nothing is left.
	Erased    []hardtack.KeyID `json:"erased"`
	Forgotten []hardtack.KeyID `json:"forgotten"`
	// Retire is when the keys retire that would have done so never, or too early.
	Retire map[hardtack.KeyID]time.Time `json:"retire,omitempty"`
	DryRun bool                         `json:"dry_run"`
	listing
}

func newPruneCommand(a *app) *cobra.Command {
	var src source
	var dry bool
	cmd := &cobra.Command{
		Use:   "prune --file FILE",
		Short: "Erase what is no longer needed of old keys",
		Long: `Erase the secrets of keys that have retired, and forget those of which not even
the ID need be remembered any more. The key that seals always stays. No session
ends by it. A key that has a successor, but would retire never or too early,
gets a time to retire. If there is nothing to do, the exit status is 0 all the
same.`,
		Example: `  hardtack keys prune --file keys.json
  hardtack keys prune --file keys.json --dry-run`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := a.moment()
			var p pruning
			change := func(s hardtack.KeySet) (hardtack.KeySet, error) {
				after, erased, forgotten := s.Prune(now)
				p = pruning{append([]hardtack.KeyID{}, erased...), append([]hardtack.KeyID{}, forgotten...), newRetirements(s, after), dry, list(after, now)}
				return after, nil
			}
			update := src.update
			if dry {
				update = src.preview
			}
			if err := update(cmd.Context(), nil, change); err != nil {
				return err
			}
			return a.print(p, p.write)
		},
	}
	src.addWriteFlags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, and do nothing")
	return cmd
}

func (p pruning) write(w io.Writer) {
	erased, forgot := "Erased the secrets of %s, which have retired.\n", "Forgot %s, of which nothing need be remembered.\n"
	if p.DryRun {
		erased, forgot = "Would erase the secrets of %s, which have retired.\n", "Would forget %s, of which nothing need be remembered.\n"
	}
	if len(p.Erased) > 0 {
		fmt.Fprintf(w, erased, joinIDs(p.Erased))
	}
	if len(p.Forgotten) > 0 {
		fmt.Fprintf(w, forgot, joinIDs(p.Forgotten))
	}
	retires := "Key %s retires at %s (%s).\n"
	if p.DryRun {
		retires = "Key %s would retire at %s (%s).\n"
	}
	for _, k := range p.Keys {
		if at, ok := p.Retire[k.ID]; ok {
			fmt.Fprintf(w, retires, k.ID, absolute(at), relative(at, p.At))
		}
	}
	if len(p.Erased)+len(p.Forgotten)+len(p.Retire) == 0 {
		fmt.Fprintln(w, "Nothing to do: no key has retired that is still there.")
	}
}

// newRetirements returns the keys that retire at another time than before.
func newRetirements(before, after hardtack.KeySet) map[hardtack.KeyID]time.Time {
	retire := make(map[hardtack.KeyID]time.Time)
	for _, k := range after.Keys {
		if was, ok := before.Find(k.ID()); ok && !k.Retire().Equal(was.Retire()) {
			retire[k.ID()] = k.Retire().UTC()
		}
	}
	return retire
}

func joinIDs(ids []hardtack.KeyID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = id.String()
	}
	return strings.Join(words, ", ")
}
