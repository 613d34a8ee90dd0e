package signed

import (
	"maps"
	"slices"

	"github.com/hardtack-go/hardtack"
)

// Derived returns the keys whose derived ones are kept.
func (c *Codec) Derived() []hardtack.KeyID {
	c.keys.mu.RLock()
	defer c.keys.mu.RUnlock()
	return slices.Collect(maps.Keys(c.keys.byID))
}
