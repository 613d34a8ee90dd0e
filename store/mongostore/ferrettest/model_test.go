//go:build unix

package ferrettest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/faulttest"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
	"github.com/hardtack-go/hardtack/store/mongostore"
)

// The model finds each cookie to lead to just what it should, whatever calls of the store fail, before or after they take
// effect. It is sequential. Each check has collections of its own: FerretDB with SQLite reads all records to swap one.
func TestModel(t *testing.T) {
	const steps = 10_000
	db := database(t, serverAddr, fresh(t, "model"))
	checks := 0
	counts := hybridtest.ModelOfEach(t, func(now func() time.Time) hardtack.CompareAndSwapper {
		checks++
		s, err := mongostore.New(t.Context(), db, mongostore.Options{
			Records: fmt.Sprint("records", checks), Subjects: fmt.Sprint("subjects", checks), SweepEvery: -1, Now: now,
		})
		require.NoError(t, err)
		return s
	}, steps)
	faulttest.Counts{
		Sessions: counts.Sessions, Tried: counts.Saves, Acknowledged: counts.Saves, ReadBack: counts.Reads,
		Lost: counts.Lost, MixedUp: counts.MixedUp,
	}.Report(t, ferretName, fmt.Sprintf("model, %d steps at random, calls fail", steps))
}
