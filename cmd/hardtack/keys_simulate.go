package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hardtack-go/hardtack"
)

// terms are what a simulation is asked for.
type terms struct {
	Every       durationFlag `json:"every"`
	Lifetime    durationFlag `json:"lifetime"`
	Propagation durationFlag `json:"propagation"`
	Poll        durationFlag `json:"poll"`
	LateDeploy  durationFlag `json:"late_deploy"`
	Over        durationFlag `json:"over"`
}

// mostRotations bounds what is simulated, and printed.
const mostRotations = 5000

func newSimulateCommand(a *app) *cobra.Command {
	t := terms{
		Every: durationFlag(30 * day), Lifetime: durationFlag(day), Propagation: durationFlag(day),
		Poll: durationFlag(interval), Over: durationFlag(2 * year),
	}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Show what becomes of keys over years under a policy",
		Long: `Show what becomes of the keys over years under a policy of rotation: when each
is announced, seals, only opens, retires and is erased; how many there are at
the same time; and what a server would see that gets each new key late, or is
cut off from the keys for good. It runs real rings, on a clock of its own, and
reads and writes no file.

--late-deploy is by how much one server gets its keys later than the others. If
it would refuse a session of theirs, or they one of its, the exit status is 1.

Durations are such as 30d, 2w, 1y and 12h30m.`,
		Example: `  hardtack keys simulate --every 30d --lifetime 24h
  hardtack keys simulate --every 90d --lifetime 30d --propagation 48h
  hardtack keys simulate --every 30d --lifetime 24h --late-deploy 12h --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := t.validate(); err != nil {
				return err
			}
			r, err := t.run(a.moment().Truncate(time.Second))
			if err != nil {
				return err
			}
			if err := a.print(r, r.write); err != nil {
				return err
			}
			if r.harmful() {
				return errFindings
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.Var(&t.Every, "every", "how long a key seals")
	f.Var(&t.Lifetime, "lifetime", "the longest Lifetime of the Jars")
	f.Var(&t.Propagation, "propagation", "how long a key is announced before it seals")
	f.Var(&t.LateDeploy, "late-deploy", "by how much one server gets each key later than the others")
	f.Var(&t.Poll, "poll", "how often the servers look at their keys")
	f.Var(&t.Over, "over", "how long to simulate")
	return cmd
}

func (t terms) policy() hardtack.RotationPolicy {
	return hardtack.RotationPolicy{Every: time.Duration(t.Every), Propagation: time.Duration(t.Propagation), Retain: time.Duration(t.Lifetime) + skew}
}

// validate returns all faults of the flags.
func (t terms) validate() error {
	var faults []error
	fault := func(flag string, value durationFlag, reason string) {
		faults = append(faults, usagef("--%s %s: %s", flag, value.String(), reason))
	}
	if err := checkLifetime("--lifetime", time.Duration(t.Lifetime)); err != nil {
		faults = append(faults, err)
	}
	if t.Poll < durationFlag(10*time.Millisecond) {
		fault("poll", t.Poll, "must be at least 10ms")
	}
	for _, zero := range []struct {
		flag  string
		value durationFlag
	}{{"every", t.Every}, {"propagation", t.Propagation}, {"over", t.Over}} {
		if zero.value == 0 {
			fault(zero.flag, zero.value, "must be more than 0")
		}
	}
	if t.Every > 0 && t.Over/t.Every > mostRotations {
		fault("over", t.Over, fmt.Sprintf("is more than %d times --every", mostRotations))
	}
	if t.Over > durationFlag(100*year) {
		fault("over", t.Over, "must be at most 100y")
	}
	for _, f := range policyFaults(t.policy().Validate(time.Duration(t.Poll), time.Duration(t.Lifetime))) {
		switch f.Field {
		case "Rotation.Every":
			fault("every", t.Every, f.Reason)
		case "Rotation.Propagation":
			fault("propagation", t.Propagation, f.Reason)
		default: // Retain follows from --lifetime
			fault("lifetime", t.Lifetime, f.Reason)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return &usage{errors.Join(faults...)}
}

// policyFaults takes apart what Validate has joined.
func policyFaults(err error) (faults []*hardtack.ConfigError) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			faults = append(faults, policyFaults(e)...)
		}
		return faults
	}
	var config *hardtack.ConfigError
	if errors.As(err, &config) {
		faults = append(faults, config)
	}
	return faults
}
