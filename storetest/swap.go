package storetest

import (
	"math"
	"time"

	"github.com/stretchr/testify/require"
)

func swapInsert(t *tester) {
	id, data := t.id(), t.data()
	require.True(t, t.swap(id, 0, 1, data, later()))
	t.holds(id, data, "inserted")
	require.False(t, t.swap(id, 0, 1, t.data(), later()), "there is a record")
	require.False(t, t.swap(id, 0, 9, t.data(), later()), "there is a record")
	t.holds(id, data, "not inserted")

	committed := t.id()
	t.commit(committed, data, later())
	require.False(t, t.swap(committed, 0, 1, t.data(), later()), "there is a record without a version")
	t.holds(committed, data, "not inserted")
}

func swapMissing(t *tester) {
	id := t.id()
	for _, old := range []int64{1, 2, math.MaxInt64 - 1} {
		require.False(t, t.swap(id, old, old+1, t.data(), later()), "there is no record")
		t.gone(id, "nothing was swapped")
	}
}

func swapVersions(t *tester) {
	const exact = 1 << 53 // beyond it, floating point loses the last digit
	id := t.id()
	was := int64(0)
	for _, version := range []int64{1, 2, 9, math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32 + 1, exact, exact + 1, exact + 2, 2*exact + 1, math.MaxInt64 - 1, math.MaxInt64} {
		data := t.data()
		require.True(t, t.swap(id, was, version, data, later()), "from %d to %d", was, version)
		t.holds(id, data, "swapped")
		for _, wrong := range []int64{0, was, version - 1, version + 1, version &^ math.MaxUint32, version & math.MaxUint32, 3} {
			if wrong < 0 || wrong == version || wrong == math.MaxInt64 {
				continue
			}
			require.False(t, t.swap(id, wrong, math.MaxInt64, t.data(), later()), "old is %d, the version is %d", wrong, version)
		}
		t.holds(id, data, "not swapped")
		was = version
	}
}

// swapCommitted: what Commit wrote has no version.
func swapCommitted(t *tester) {
	id := t.id()
	refused := func(want []byte) {
		t.Helper()
		for _, old := range []int64{0, 1, 2, 3, 4, math.MaxInt64 - 1} {
			require.False(t, t.swap(id, old, old+1, t.data(), later()), "a committed record matches %d", old)
		}
		t.holds(id, want, "nothing was swapped")
	}
	require.True(t, t.swap(id, 0, 1, t.data(), later()))
	require.True(t, t.swap(id, 1, 3, t.data(), later()))
	for range 2 {
		data := t.data()
		t.commit(id, data, later())
		refused(data)
	}
	t.delete(id)
	data := t.data()
	require.True(t, t.swap(id, 0, 1, data, later()), "deleted in between")
	require.True(t, t.swap(id, 1, 2, data, later()), "it has a version again")
	t.commit(id, data, later())
	refused(data)
}

func swapDeleted(t *tester) {
	id := t.id()
	require.True(t, t.swap(id, 0, 4, t.data(), later()))
	t.delete(id)
	require.False(t, t.swap(id, 4, 5, t.data(), later()), "it was deleted")
	t.gone(id, "nothing was swapped")
	data := t.data()
	require.True(t, t.swap(id, 0, 4, data, later()))
	t.holds(id, data, "inserted again")
}

// swapPassed: what is swapped in with an expiry that has passed is missing at once.
func swapPassed(t *tester) {
	past := time.Now().Add(-time.Minute)
	id := t.id()
	require.True(t, t.swap(id, 0, 1, t.data(), later()))
	require.True(t, t.swap(id, 1, 2, t.data(), past))
	t.gone(id, "its expiry has passed")
	require.False(t, t.swap(id, 2, 3, t.data(), later()), "an expired record has no version")
	require.True(t, t.swap(id, 0, 1, t.data(), past))
	t.gone(id, "its expiry has passed")
	data := t.data()
	require.True(t, t.swap(id, 0, 1, data, later()))
	t.holds(id, data, "inserted")
}
