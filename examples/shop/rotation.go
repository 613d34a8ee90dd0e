package main

import (
	"errors"
	"flag"
	"log/slog"
	"time"

	"github.com/hardtack-go/hardtack"
)

// clockSkew is what hardtack allows the clocks of two servers to differ by.
const clockSkew = 2 * time.Minute

// keyOptions are the flags about keys, and about clocks other than the machine's, which drills need.
type keyOptions struct {
	poll, every, propagation time.Duration
	noReread, debug          bool

	base   time.Time
	offset time.Duration
	rate   float64
}

func (o *keyOptions) define(fs *flag.FlagSet) {
	fs.DurationVar(&o.poll, "poll", 10*time.Second, "longest `duration` between two looks at the key file")
	fs.DurationVar(&o.every, "rotate-every", 0, "`duration` for which a key seals before the next one does; 0 means that the shop does not rotate")
	fs.DurationVar(&o.propagation, "propagation", 0, "`duration` for which a key is announced before it seals (default 24h)")
	fs.BoolVar(&o.noReread, "no-reread", false, "for drills: do not look at the key file because of an unknown key")
	fs.BoolVar(&o.debug, "debug-keys", false, "for drills: answer /debug/keys with what the shop knows of its keys, and no secret")
	fs.Func("clock-base", "for drills: `time`, as in RFC 3339, from which on the clock of sessions and keys runs at -clock-rate", func(text string) (err error) {
		o.base, err = time.Parse(time.RFC3339, text)
		return err
	})
	fs.DurationVar(&o.offset, "clock-offset", 0, "for drills: `duration` by which that clock is ahead")
	fs.Float64Var(&o.rate, "clock-rate", 1, "for drills: its speed, `times` real time")
}

func (o *keyOptions) check() error {
	switch {
	case o.poll == 0: // which a KeyringConfig takes for the default
		return errors.New("-poll must not be 0")
	case o.every == 0 && o.propagation != 0:
		return errors.New("-propagation is for -rotate-every")
	case o.rate <= 0:
		return errors.New("-clock-rate must be more than 0")
	case o.rate != 1 && o.base.IsZero():
		return errors.New("-clock-rate needs a -clock-base")
	}
	return nil
}

// clock is the shop's clock.
func (o *keyOptions) clock() time.Time {
	now := time.Now()
	if o.rate != 1 {
		now = o.base.Add(time.Duration(float64(now.Round(0).Sub(o.base)) * o.rate)) // without the monotonic clock, which is each process's own
	}
	return now.Add(o.offset)
}

// config is how the shop follows its key file.
func (o *keyOptions) config(lifetime time.Duration, logger *slog.Logger) hardtack.KeyringConfig {
	c := hardtack.KeyringConfig{
		Interval: o.poll,
		NoReread: o.noReread,
		Observer: hardtack.SlogKeyObserver(logger),
		Now:      o.clock,
	}
	if o.every != 0 {
		c.Rotation = &hardtack.RotationPolicy{Every: o.every, Propagation: o.propagation, Retain: lifetime + clockSkew}
	}
	return c
}
