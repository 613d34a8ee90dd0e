package storetest

import (
	"math"
	"time"

	"github.com/stretchr/testify/require"
)

// expires checks that each record is there until its expiry and not after it,
// with the tolerance, by as many looks as it takes.
func (t *tester) expires(due map[string]time.Time) {
	t.Helper()
	for id, at := range due {
		for gone := false; !gone; {
			begun := time.Now()
			_, found, err := t.Find(t.Context(), id)
			require.NoError(t, err)
			if time.Now().Before(at.Add(-t.ClockTolerance)) {
				require.True(t, found, "gone before its expiry")
			}
			if begun.After(at.Add(t.ClockTolerance)) {
				require.False(t, found, "there after its expiry")
				gone = true
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	for id := range due {
		t.gone(id, "gone once, gone for good")
	}
}

// passed waits until at has passed for the store, too.
func (t *tester) passed(at time.Time) {
	time.Sleep(time.Until(at) + t.ClockTolerance + 10*time.Millisecond)
}

// expiryExact: in parallel, records expire at different milliseconds of the same second.
func expiryExact(t *tester) {
	n := 8
	ids, begin := make([]string, n), time.Now()
	at := func(i int) time.Time { return begin.Add(soon + time.Duration(i)*101*time.Millisecond) }
	for i := range ids {
		ids[i] = t.id()
		t.commit(ids[i], t.data(), at(i))
	}
	errs := make(chan string, n)
	together(n, func(i int) {
		for {
			before := time.Now()
			_, found, err := t.Find(t.Context(), ids[i])
			after := time.Now()
			switch {
			case err != nil:
				errs <- "Find failed"
				return
			case !found && after.Before(at(i).Add(-t.ClockTolerance)):
				errs <- "gone before its expiry"
				return
			case found && before.After(at(i).Add(t.ClockTolerance)):
				errs <- "there after its expiry"
				return
			case before.After(at(i).Add(t.ClockTolerance)):
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	close(errs)
	for fault := range errs {
		t.Error(fault)
	}
}

func expiryPassed(t *tester) {
	for _, past := range []time.Time{time.Now().Add(-time.Minute), time.Now().Add(-24 * time.Hour), time.Unix(0, 0), time.Unix(1, 0)} {
		id := t.id()
		t.commit(id, t.data(), past)
		t.gone(id, "committed with an expiry that has passed")
		t.delete(id)
		t.commit(id, t.data(), later())
		t.commit(id, t.data(), past)
		t.gone(id, "committed anew with an expiry that has passed")
		data := t.data()
		t.commit(id, data, later())
		t.holds(id, data, "committed again")
	}
}

// expiryFar: the latest expiry, and the same instants on other clocks' faces.
func expiryFar(t *tester) {
	id, data := t.id(), t.data()
	for _, days := range []time.Duration{400, 25, 30, 50} { // of 32 bits of milliseconds, some overflow
		t.commit(id, data, time.Now().Add(days*24*time.Hour))
		t.holds(id, data, "committed for many days")
	}
	for _, hours := range []int{-12, 0, 14} {
		zone := time.FixedZone("", hours*3600)
		id := t.id()
		t.commit(id, data, time.Now().Add(time.Minute).In(zone))
		t.holds(id, data, "an expiry of another time zone")
		t.commit(id, data, time.Now().Add(-time.Minute).In(zone))
		t.gone(id, "an expiry of another time zone")
		t.commit(id, data, time.UnixMicro(time.Now().Add(time.Minute).UnixMicro()/1000*1000+999).In(zone))
		t.holds(id, data, "an expiry with microseconds")
	}
}

func expiryEarlier(t *tester) {
	id, data := t.id(), t.data()
	t.commit(id, data, later())
	at := time.Now().Add(soon)
	t.commit(id, data, at)
	t.expires(map[string]time.Time{id: at})
}

func expiryLater(t *tester) {
	id, data := t.id(), t.data()
	at := time.Now().Add(soon)
	t.commit(id, data, at)
	t.commit(id, data, later())
	t.passed(at)
	t.holds(id, data, "the expiry was moved")
}

// expirySwap: a versioned record that has expired is missing to every swap.
func expirySwap(t *tester) {
	id, again := t.id(), t.id()
	at := time.Now().Add(soon)
	require.True(t, t.swap(id, 0, 7, t.data(), at))
	require.True(t, t.swap(again, 0, 7, t.data(), at))
	t.passed(at)
	t.gone(id, "expired")
	require.False(t, t.swap(id, 7, 8, t.data(), later()), "an expired record has no version")
	t.gone(id, "nothing was swapped")
	data := t.data()
	require.True(t, t.swap(id, 0, 1, data, later()), "an expired record is none")
	t.holds(id, data, "inserted")
	require.True(t, t.swap(id, 1, 2, data, later()), "with the new version")
	require.True(t, t.swap(again, 0, 7, data, later()), "the same version anew")
	t.holds(again, data, "inserted")
}

func expirySwapMoves(t *tester) {
	shorter, longer := t.id(), t.id()
	at := time.Now().Add(soon)
	data := t.data()
	require.True(t, t.swap(shorter, 0, 1, data, later()))
	require.True(t, t.swap(shorter, 1, 2, data, at))
	require.True(t, t.swap(longer, 0, 1, data, at))
	require.True(t, t.swap(longer, 1, 2, data, later()))
	require.False(t, t.swap(longer, 1, 3, data, at), "a swap that does not match moves nothing")
	t.expires(map[string]time.Time{shorter: at})
	t.holds(longer, data, "the expiry was moved")
	require.True(t, t.swap(longer, 2, 3, data, later()))
}

// expiryCommitted: a record without a version is none either, once it has expired.
func expiryCommitted(t *tester) {
	id := t.id()
	at := time.Now().Add(soon)
	require.True(t, t.swap(id, 0, 5, t.data(), later()))
	t.commit(id, t.data(), at)
	require.False(t, t.swap(id, 5, 6, t.data(), later()), "a committed record matched its former version")
	t.passed(at)
	require.False(t, t.swap(id, 5, 6, t.data(), later()), "an expired record matched its former version")
	require.False(t, t.swap(id, math.MaxInt64-1, math.MaxInt64, t.data(), later()), "an expired record matched some version")
	data := t.data()
	require.True(t, t.swap(id, 0, 1, data, later()), "an expired record was in the way of an insert")
	t.holds(id, data, "inserted")
}

func expiryIndex(t *tester) {
	subject := t.subject()
	brief, lengthened, shortened, lasting := t.id(), t.id(), t.id(), t.id()
	at := time.Now().Add(soon)
	t.file(brief, subject, at)
	t.file(lengthened, subject, at)
	t.file(lengthened, subject, later())
	t.file(shortened, subject, later())
	t.file(shortened, subject, at)
	t.file(lasting, subject, later())
	if time.Now().Before(at.Add(-t.ClockTolerance)) {
		begun := t.filed(subject)
		if time.Now().Before(at.Add(-t.ClockTolerance)) {
			require.ElementsMatch(t, []string{brief, lengthened, shortened, lasting}, begun, "none has expired")
		}
	}
	t.passed(at)
	require.ElementsMatch(t, []string{lengthened, lasting}, t.filed(subject), "two have expired")
	t.file(brief, subject, later())
	require.ElementsMatch(t, []string{brief, lengthened, lasting}, t.filed(subject), "filed again")
	t.file(lasting, subject, time.Now().Add(-time.Minute))
	require.ElementsMatch(t, []string{brief, lengthened}, t.filed(subject), "filed with an expiry that has passed")
}
