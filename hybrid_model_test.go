package hardtack_test

import (
	"testing"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

func TestHybridModel(t *testing.T) {
	hybridtest.ModelOfEach(t, func(now func() time.Time) hardtack.CompareAndSwapper {
		return hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: now})
	}, 1) // one rapid.Check
}

// Stores that other processes share go by their own clock, and expire later than the model.
func TestHybridModelOnTheStoresClock(t *testing.T) {
	hybridtest.Model(t, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}), 1)
}
