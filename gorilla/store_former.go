package gorilla

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack"
)

// What Observer.Opened and FormerUse call a session that came in the format which the Store reads, but does not write.
const (
	FormerLabel = "gorilla" // that of gorilla/sessions
	SealedLabel = "sealed"  // hardtack's own, with WriteOld
)

// FormerUse says how many requests have brought a session in the format that the Store reads, but does not write, by any name: when OldKeyPairs can go. It
// counts for this Store in this process; Observer.Opened tells the same to a fleet's metrics. Without OldKeyPairs it is zero.
func (s *Store) FormerUse() hardtack.FormerUse {
	if s.former == nil {
		return hardtack.FormerUse{}
	}
	use := hardtack.FormerUse{Label: s.former.label, Opened: s.former.opened.Load(), Since: s.former.since}
	if last := s.former.last.Load(); last != 0 {
		use.Last = time.Unix(last, 0)
	}
	return use
}

// formerUse is what has been counted for a Store, whose Jars come and go.
type formerUse struct {
	label  string
	since  time.Time
	opened atomic.Uint64
	last   atomic.Int64 // Unix seconds, 0 for never
}

// count has the observer count.
func (u *formerUse) count(o *hardtack.Observer, now func() time.Time) {
	next := o.Opened
	o.Opened = func(ctx context.Context, keyID, former string) {
		if former == u.label {
			u.opened.Add(1)
			u.last.Store(now().Unix())
		}
		if next != nil {
			next(ctx, keyID, former)
		}
	}
}
