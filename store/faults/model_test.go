//go:build unix

package faults

import (
	"fmt"
	"testing"

	"github.com/hardtack-go/hardtack/internal/faulttest"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

// The model finds each cookie to lead to just what it should, whatever calls of the store fail, before or after
// they take effect.
func testModel(t *testing.T, p *place, prefix string) {
	steps := max(few(10_000), 500)
	counts := hybridtest.Model(t, p.open(t, prefix), steps)
	faulttest.Counts{
		Sessions: counts.Sessions, Tried: counts.Saves, Acknowledged: counts.Saves, ReadBack: counts.Reads,
		Lost: counts.Lost, MixedUp: counts.MixedUp,
	}.Report(t, p.name, fmt.Sprintf("model, %d steps at random, calls fail", steps))
}
