package hardtack

import (
	"sync/atomic"
	"time"
)

// FormerUse says how often sessions still came in one of the formats and places of Config.Formerly: when an entry can go. It counts for one Jar in one process; Observer.Opened tells
// the same to a fleet's metrics.
type FormerUse struct {
	Label  string    // of the entry
	Opened uint64    // requests whose session came from there
	Last   time.Time // of them, to the second; the zero time if there was none
	Since  time.Time // when counting began
}

// FormerUse returns what was read from each entry of Config.Formerly, in its order. An entry can be dropped once nothing has come from there for as
// long as the sessions in it could live.
func (j *Jar[T]) FormerUse() []FormerUse {
	if j == nil || j.core == nil {
		return nil
	}
	uses := make([]FormerUse, len(j.core.Formerly))
	for i, f := range j.core.Formerly {
		uses[i] = FormerUse{f.Label, f.use.opened.Load(), atSecond(f.use.last.Load()), f.use.since}
	}
	return uses
}

// formerUse is what has been counted for a Former.
type formerUse struct {
	since  time.Time
	opened atomic.Uint64
	last   atomic.Int64 // Unix seconds, 0 for never
}

func (u *formerUse) count(now time.Time) {
	u.opened.Add(1)
	u.last.Store(now.Unix())
}
