package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
)

// rotation is what keys rotate prints.
type rotation struct {
	Added    hardtack.KeyID `json:"added"`
	Warnings []string       `json:"warnings,omitempty"`
	listing
}

func newRotateCommand(a *app) *cobra.Command {
	var src source
	var wrap wrapping
	propagation := durationFlag(10 * time.Minute)
	var lifetime durationFlag
	var now bool
	cmd := &cobra.Command{
		Use:   "rotate --file FILE",
		Short: "Add a key that seals after the propagation time",
		Long: `Add a key. It is announced: every server that reads it opens with it, and
after the propagation time it seals, and the key that seals today only opens
until the last session sealed with it has ended.

--propagation must be longer than it takes until every server has read the new
key, a slow deploy included, and at least 2 minutes, by which servers' clocks
may differ.

If a key is announced already, none is added, and the exit status is 1; so is
that of the slower one of two rotations at the same time.

--now adds a key that seals at once. A server that has not read it yet reads it
when the first session of the new key arrives; one that cannot, as its
file comes with the next deploy, takes that session for nobody's. A second one
within 10 seconds is refused, as the key "was added less than 10s ago": two
that rotate at the same time, people or jobs, are to add one key and not two.`,
		Example: `  hardtack keys rotate --file keys.json
  hardtack keys rotate --file keys.json --propagation 24h
  hardtack keys rotate --file keys.json --now --json`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := rotator{clock: a.moment, immediately: now, propagation: time.Duration(propagation), lifetime: time.Duration(lifetime)}
			if cmd.Flags().Changed("lifetime") {
				if err := checkLifetime("--lifetime", r.lifetime); err != nil {
					return err
				}
			}
			var err error
			if r.wrapper, err = wrap.wrapper(); err != nil {
				return err
			}
			if err := src.update(cmd.Context(), r.wrapper, r.change); err != nil {
				return err
			}
			warnings := r.warnings()
			a.warn(warnings)
			return a.print(rotation{r.added, warnings, list(r.after, r.now)}, func(w io.Writer) {
				for _, st := range r.after.Status(r.now) {
					if live(st) {
						sentence(w, st, r.now)
					}
				}
			})
		},
	}
	src.addWriteFlags(cmd)
	wrap.addFlags(cmd)
	f := cmd.Flags()
	f.Var(&propagation, "propagation", "how long the key is announced before it seals")
	f.BoolVar(&now, "now", false, "let the key seal at once")
	f.Var(&lifetime, "lifetime", "the longest Lifetime of the Jars, if it is another than was said to init; keys lifetime sets it without a rotation")
	cmd.MarkFlagsMutuallyExclusive("propagation", "now")
	return cmd
}

// settling is how long after a rotation another one with --now counts as one at the same time.
const settling = 10 * time.Second

// rotator adds one key to a set, which others may change meanwhile.
type rotator struct {
	clock       func() time.Time
	immediately bool
	propagation time.Duration
	lifetime    time.Duration // 0: as the set says
	wrapper     hardtack.KeyWrapper

	first *hardtack.KeySet // as it was when it was read first

	added hardtack.KeyID
	after hardtack.KeySet
	now   time.Time
}

// change adds the key. It is called again when somebody else was faster.
func (r *rotator) change(s hardtack.KeySet) (hardtack.KeySet, error) {
	r.now = r.clock()
	if err := r.refuse(s); err != nil {
		return s, err
	}
	before := s
	if r.lifetime > 0 {
		s.Retain = r.lifetime + skew
	}
	if r.immediately {
		r.after, r.added = s.Announce(r.now, r.now)
		r.now = settled(r.after, r.added, r.now)
	} else {
		// Rounded up: a key must not seal earlier than was said.
		r.after, r.added = s.Announce(r.now.Add(r.propagation+time.Second-1).Truncate(time.Second), r.now)
	}
	return r.after, suits(r.wrapper, before, r.after)
}

// refuse says why the set gets no key: because it has its next one already.
func (r *rotator) refuse(s hardtack.KeySet) error {
	if r.first == nil {
		r.first = &s
	}
	for i, st := range s.Status(r.now) {
		k := st.Key
		_, known := r.first.Find(k.ID())
		switch {
		case !known && !k.Revoked():
			return fail("changed", "somebody else has just added key %s; no key was added", k.ID())
		case st.State == hardtack.KeyAnnounced:
			return fail("announced", "key %s is announced already and seals from %s on (%s); no key was added. hardtack keys promote lets it seal at once",
				k.ID(), absolute(k.Activate()), relative(k.Activate(), r.now))
		case i == 0 && len(s.Keys) > 1 && st.State == hardtack.KeySealing && k.Created().After(r.now.Add(-settling)):
			return fail("changed", "key %s was added less than %s ago; no key was added", k.ID(), formatDuration(settling))
		}
	}
	return nil
}

func (r *rotator) warnings() []string {
	switch {
	case r.immediately:
		return []string{"servers that have not read the key yet must do so when they meet it"}
	case r.propagation < skew:
		return []string{"a propagation time of less than 2m leaves no room for servers' clocks that differ"}
	}
	return nil
}
