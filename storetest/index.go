package storetest

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (t *tester) file(id, subject string, expires time.Time) {
	t.Helper()
	require.NoError(t, t.Index(t.Context(), id, subject, expires))
}

// filed returns the IDs under the subjects.
func (t *tester) filed(subjects ...string) []string {
	t.Helper()
	ids, err := t.FindSubjects(t.Context(), subjects...)
	require.NoError(t, err)
	return slices.Collect(maps.Keys(ids))
}

func indexFile(t *tester) {
	subject, first, second := t.subject(), t.id(), t.id()
	t.file(first, subject, later())
	expires := time.Now().Add(90 * time.Minute)
	t.file(second, subject, expires)
	t.file(second, subject, expires) // twice is once
	ids, err := t.FindSubjects(t.Context(), subject)
	require.NoError(t, err)
	require.Len(t, ids, 2)
	require.Contains(t, ids, first)
	require.Contains(t, ids, second)
	assert.WithinDuration(t, expires, ids[second], t.ClockTolerance, "each with its expiry")

	expires = time.Now().Add(30 * time.Minute)
	t.file(second, subject, expires)
	ids, err = t.FindSubjects(t.Context(), subject)
	require.NoError(t, err)
	require.Len(t, ids, 2)
	assert.WithinDuration(t, expires, ids[second], t.ClockTolerance, "the expiry was moved")
	assert.True(t, ids[first].After(time.Now().Add(30*time.Minute)), "the other's was not")
}

func indexRefile(t *tester) {
	from, to, id, other := t.subject(), t.subject(), t.id(), t.id()
	t.file(id, from, later())
	t.file(other, from, later())
	t.file(id, to, later())
	require.Equal(t, []string{other}, t.filed(from), "no longer where it was")
	require.Equal(t, []string{id}, t.filed(to))
	t.file(id, from, later())
	require.ElementsMatch(t, []string{id, other}, t.filed(from), "and back")
	require.Empty(t, t.filed(to))
}

func indexUnfile(t *tester) {
	subject, id, other := t.subject(), t.id(), t.id()
	t.file(id, "", later()) // it is not there
	t.file(id, subject, later())
	t.file(other, subject, later())
	t.file(id, "", later())
	require.Equal(t, []string{other}, t.filed(subject))
	t.file(id, "", later())
	t.file(id, subject, later())
	require.ElementsMatch(t, []string{id, other}, t.filed(subject))
}

func indexSeveral(t *tester) {
	// A ring has at most 128 keys, and a subject one tag for each.
	subjects, want := make([]string, 128), make(map[string]bool)
	for i := range subjects {
		subjects[i] = t.subject()
		if i%16 == 0 {
			for range 3 {
				id := t.id()
				want[id] = true
				t.file(id, subjects[i], later())
			}
		}
	}
	t.file(t.id(), t.subject(), later()) // of none of them
	all := slices.Collect(maps.Keys(want))
	require.ElementsMatch(t, all, t.filed(subjects...))
	require.ElementsMatch(t, all, t.filed(append(subjects, subjects...)...), "named twice")
	require.Len(t, t.filed(subjects[0]), 3)
	require.Len(t, t.filed(subjects[0], subjects[16], subjects[1], subjects[0]), 6)
}

func indexNone(t *tester) {
	require.Empty(t, t.filed(t.subject()))
	require.Empty(t, t.filed(t.subject(), t.subject()))
	require.Empty(t, t.filed())
	t.file(t.id(), "", later())
	if ids, err := t.FindSubjects(t.Context(), ""); err == nil {
		require.Empty(t, ids, "the empty subject is nobody's")
	}
}

// indexIndependent: neither the entry nor the record needs the other.
func indexIndependent(t *tester) {
	subject, id := t.subject(), t.id()
	t.file(id, subject, later())
	t.gone(id, "an entry is no record")
	data := t.data()
	if t.swapper != nil {
		require.True(t, t.swap(id, 0, 1, data, later()), "an entry is no record")
	} else {
		t.commit(id, data, later())
	}
	t.holds(id, data, "written")
	t.delete(id)
	require.Equal(t, []string{id}, t.filed(subject), "the record was deleted")
	t.commit(id, data, later())
	require.Equal(t, []string{id}, t.filed(subject), "the record was committed")
	t.commit(id, data, time.Now().Add(-time.Minute))
	require.Equal(t, []string{id}, t.filed(subject), "the record has expired")
	t.commit(id, data, later())
	t.file(id, subject, time.Now().Add(-time.Minute))
	require.Empty(t, t.filed(subject), "the entry has expired")
	t.holds(id, data, "the entry has expired")
	t.file(id, subject, later())
	t.file(id, "", later())
	t.holds(id, data, "taken out of the index")
}

func indexTwins(t *tester) {
	subject := t.subject()
	ids := twinsOf(t.id())
	for _, id := range ids {
		t.file(id, subject, later())
	}
	require.ElementsMatch(t, ids, t.filed(subject))
	t.file(ids[0], "", later())
	require.ElementsMatch(t, ids[1:], t.filed(subject), "a twin was taken out")

	subjects := twinsOf(t.subject())
	of := make(map[string]string)
	for _, subject := range subjects {
		of[subject] = t.id()
		t.file(of[subject], subject, later())
	}
	for _, subject := range subjects {
		require.Equal(t, []string{of[subject]}, t.filed(subject), "a twin's")
	}
}

// indexMalformed: what is malformed is refused, or kept apart.
func indexMalformed(t *tester) {
	subject, id := replace(t.subject(), 42, 'Q'), replace(t.id(), 42, 'Q')
	t.file(id, subject, later())
	for _, bad := range malformed(subject) {
		if ids, err := t.FindSubjects(t.Context(), bad); err == nil {
			require.Empty(t, ids, "FindSubjects takes %q for another", bad)
		}
		if bad == "" {
			continue // takes away
		}
		if theirs := t.id(); t.Index(t.Context(), theirs, bad, later()) == nil {
			require.Equal(t, []string{theirs}, t.filed(bad), "a malformed subject that was taken")
		}
		require.Equal(t, []string{id}, t.filed(subject), "a malformed subject was filed under")
	}
	for _, bad := range malformed(id) {
		theirs := t.subject()
		if t.Index(t.Context(), bad, theirs, later()) == nil {
			require.Equal(t, []string{bad}, t.filed(theirs), "a malformed ID that was taken")
		}
		require.Equal(t, []string{id}, t.filed(subject), "a malformed ID was filed")
		_ = t.Index(t.Context(), bad, "", later())
		require.Equal(t, []string{id}, t.filed(subject), "a malformed ID was taken out")
	}
}

func indexThousand(t *tester) {
	subject := t.subject()
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = t.id()
	}
	each(len(ids), func(i int) {
		assert.NoError(t, t.turn(i).Index(t.Context(), ids[i], subject, later()))
	})
	found, err := t.FindSubjects(t.Context(), subject)
	require.NoError(t, err)
	require.Len(t, found, len(ids))
	for _, id := range ids {
		require.Contains(t, found, id)
	}
}

// indexConcurrent: an ID that is filed under one subject after another is under one at every moment.
func indexConcurrent(t *tester) {
	const rounds = 4
	subjects, ids := make([]string, 8), make([]string, 8)
	for i := range ids {
		subjects[i], ids[i] = t.subject(), t.id()
	}
	for _, id := range ids {
		t.file(id, subjects[0], later())
	}
	var filing atomic.Int64
	filing.Store(crowd)
	together(crowd+2, func(i int) {
		c := t.turn(i)
		if i < crowd {
			defer filing.Add(-1)
			for round := range rounds {
				assert.NoError(t, c.Index(t.Context(), ids[i%len(ids)], subjects[(i/len(ids)+round)%len(subjects)], later()))
			}
			return
		}
		for filing.Load() > 0 && !t.Failed() {
			found, err := c.FindSubjects(t.Context(), subjects...)
			assert.NoError(t, err)
			assert.Len(t, found, len(ids), "an ID is under no subject for a moment")
		}
	})
	where := make(map[string]string)
	for _, subject := range subjects {
		for _, id := range t.filed(subject) {
			require.Empty(t, where[id], "an ID is under two subjects")
			where[id] = subject
		}
	}
	require.Len(t, where, len(ids), fmt.Sprintf("%d IDs are under some subject", len(ids)))
}
