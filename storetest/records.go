package storetest

import (
	"bytes"
	"strings"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func missing(t *tester) {
	t.gone(t.id(), "never written")
}

func overwrite(t *tester) {
	id := t.id()
	for _, data := range [][]byte{t.blob(300), t.blob(5000), t.data(), t.blob(1000)} {
		t.commit(id, data, later())
		t.holds(id, data, "committed")
		t.holds(id, data, "committed, read again")
	}
}

func empty(t *tester) {
	for _, data := range [][]byte{nil, {}} {
		id := t.id()
		t.commit(id, data, later())
		t.holds(id, nil, "empty data")
		t.commit(id, t.data(), later())
		t.commit(id, data, later())
		t.holds(id, nil, "empty data over others")
		if t.swapper != nil {
			id := t.id()
			require.True(t, t.swap(id, 0, 1, data, later()))
			t.holds(id, nil, "empty data swapped in")
			require.False(t, t.swap(id, 0, 1, t.data(), later()), "empty data are a record")
		}
	}
}

func sizes(t *tester) {
	for _, n := range []int{0, 1, 255, 256, 4096, 64 << 10, 1 << 20, defaultSize} {
		id, data := t.id(), t.blob(t.size(n))
		t.commit(id, data, later())
		t.holds(id, data, "committed")
		if t.swapper != nil {
			id, data := t.id(), t.blob(t.size(n))
			require.True(t, t.swap(id, 0, 1, data, later()))
			t.holds(id, data, "swapped in")
			t.delete(id)
		}
		t.delete(id)
	}
	id := t.id()
	for _, data := range [][]byte{{0}, make([]byte, 100), bytes.Repeat([]byte{0xff}, 100), []byte("\\x00\\'\"%_\r\n"), []byte(" x "), []byte("0001")} {
		t.commit(id, data, later())
		t.holds(id, data, "bytes that others take for more")
	}
}

func tooLarge(t *tester) {
	refused := func(err error) {
		t.Helper()
		var size *hardtack.SizeError
		require.ErrorAs(t, err, &size)
		assert.Equal(t, t.MaxData, size.Limit, "SizeError.Limit")
	}
	id, most, over := t.id(), t.blob(t.MaxData), t.blob(t.MaxData+1)
	refused(t.Commit(t.Context(), id, over, later()))
	t.gone(id, "too large")
	t.commit(id, most, later())
	t.holds(id, most, "as large as it may be")
	refused(t.Commit(t.Context(), id, over, later()))
	t.holds(id, most, "nothing was written over it")
	t.delete(id)
	if t.swapper != nil {
		id, most := t.id(), t.blob(t.MaxData)
		_, err := t.CompareAndSwap(t.Context(), id, 0, 1, over, later())
		refused(err)
		t.gone(id, "too large")
		require.True(t, t.swap(id, 0, 1, most, later()))
		_, err = t.CompareAndSwap(t.Context(), id, 1, 2, over, later())
		refused(err)
		t.holds(id, most, "nothing was swapped for it")
		require.True(t, t.swap(id, 1, 2, t.data(), later()), "the version is as before")
		t.delete(id)
	}
}

// givenSlices: what the store is given is the caller's again afterwards.
func givenSlices(t *tester) {
	write := map[string]func(id string, data []byte){
		"Commit": func(id string, data []byte) { t.commit(id, data, later()) },
	}
	if t.swapper != nil {
		write["CompareAndSwap"] = func(id string, data []byte) { require.True(t, t.swap(id, 0, 1, data, later())) }
	}
	for name, f := range write {
		for _, n := range []int{100, t.size(64 << 10)} {
			id, given := t.id(), t.blob(n)
			backing := append(bytes.Clone(given), "beyond"...)
			slice := backing[:n] // with room behind it
			f(id, slice)
			require.True(t, bytes.Equal(given, slice), "%s changed the data it was given", name)
			require.Equal(t, "beyond", string(backing[n:]), "%s wrote behind the data it was given", name)
			clear(backing)
			t.holds(id, given, name+" kept the slice")
			t.delete(id)
		}
	}
}

// foundSlices: what was found does not change when the record does. The race detector sees more of this.
func foundSlices(t *tester) {
	id, first := t.id(), t.blob(t.size(16<<10))
	t.commit(id, first, later())
	data, found, err := t.Find(t.Context(), id)
	require.NoError(t, err)
	require.True(t, found)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				assert.True(t, bytes.Equal(first, data), "found data changed")
			}
		})
	}
	for range 5 {
		t.commit(id, t.blob(t.size(16<<10)), later())
	}
	t.delete(id)
	for range 5 {
		id := t.id()
		t.commit(id, t.blob(t.size(16<<10)), later())
		t.delete(id)
	}
	wg.Wait()
	assert.True(t, bytes.Equal(first, data), "found data changed")
}

func deleteRecord(t *tester) {
	id, other, data := t.id(), t.id(), t.data()
	t.delete(id) // a missing record is no error
	t.commit(id, data, later())
	t.commit(other, data, later())
	t.delete(id)
	t.gone(id, "deleted")
	t.delete(id)
	t.holds(other, data, "another was deleted")
	t.commit(id, data, later())
	t.holds(id, data, "committed again")
}

// flip returns id with the case of its i-th character changed, if that is a letter.
func flip(id string, i int) string {
	b := []byte(id)
	switch c := b[i]; {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		b[i] ^= 0x20
	}
	return string(b)
}

func replace(id string, i int, c byte) string {
	b := []byte(id)
	b[i] = c
	return string(b)
}

// twinsOf returns well-formed strings that differ from id in as little as can be, and id.
func twinsOf(id string) []string {
	last := len(id) - 1
	id = replace(id, last-1, 'Q') // so that there is a letter, and its neighbour is not
	id = replace(id, last, '7')
	all := []string{id, flip(id, last-1), strings.ToLower(id), strings.ToUpper(id)}
	for _, c := range "AZaz09-_" {
		all = append(all, replace(id, last, byte(c)))
	}
	for i := range markSize {
		all = append(all, flip(id, i))
	}
	all = append(all, replace(id, 20, '-'), replace(id, 20, '_'))
	return unique(all)
}

func unique(all []string) (some []string) {
	seen := make(map[string]bool)
	for _, id := range all {
		if !seen[id] {
			seen[id] = true
			some = append(some, id)
		}
	}
	return some
}

func twins(t *tester) {
	all := twinsOf(t.id())
	data := make(map[string][]byte)
	for i, id := range all {
		require.True(t, hardtack.ValidRecordID(id))
		t.gone(id, "a twin was written")
		data[id] = t.data()
		if t.swapper != nil && i%2 == 1 {
			require.True(t, t.swap(id, 0, 1, data[id], later()), "a twin was written")
		} else {
			t.commit(id, data[id], later())
		}
	}
	for _, id := range all {
		t.holds(id, data[id], "a twin was written")
	}
	for i, id := range all {
		t.delete(id)
		t.gone(id, "deleted")
		if i+1 < len(all) {
			t.holds(all[i+1], data[all[i+1]], "a twin was deleted")
		}
	}
}

// malformed returns strings that are no IDs, made of one that is.
func malformed(id string) []string {
	return unique([]string{
		"", id[:len(id)-1], id[:markSize], id[1:], id + "A", id + id, strings.Repeat(id, 1000),
		id + " ", " " + id, id + ".", "." + id, id + "=", id + "==", id + "\x00", "\x00" + id, id[:20] + "\x00" + id[21:], id + "\x00A",
		id + "\n", id + "\r\n", "\n" + id, id + "\t", id + "/", id + "\\", id + ":", id + "|", id + ",", id + "+",
		"'" + id + "'", `"` + id + `"`, "`" + id + "`", id + "'--", id + "' OR '1'='1", id + "'; DROP TABLE sessions; --", id + `\' OR 1=1 -- `, id[:42] + "'", id[:42] + `\`,
		id[:42] + "%", id[:42] + "*", id[:42] + "?", id[:42] + "[a-zA-Z0-9_-]", id[:30] + "%", id[:30] + "*", "*" + id[13:],
		"{" + id + "}", "{" + id[:markSize] + "}" + id, id + "{}", id[:41] + "{}", "$" + id[1:], "$ne" + id[3:], id[:20] + "." + id[21:], `{"$gt":""}` + id[10:],
		"../" + id, id + "/../" + id, "./" + id, id[:20] + "/" + id[21:], "/" + id, "..", ".", "%00" + id, "%2e%2e%2f" + id, strings.Replace(id, "Q", "%51", 1),
		id + "\xff", "\xff\xfe" + id, id[:42] + "\xc3", id[:41] + "é", id + "\u0301", id[:42] + "Ｑ", id[:42] + "ſ", id + "\u200b", "\ufeff" + id, id[:42] + "\U0001f36a",
	})
}

// malformedIDs: no Jar gives them. A store refuses them or keeps them apart.
func malformedIDs(t *tester) {
	id := replace(t.id(), 42, 'Q')
	data := t.data()
	t.commit(id, data, later())
	own := make(map[string][]byte)
	for _, bad := range malformed(id) {
		_, found, err := t.Find(t.Context(), bad)
		require.False(t, err == nil && found && own[bad] == nil, "Find takes %q for another", bad)

		mine := t.data()
		if t.swapper != nil {
			swapped, err := t.CompareAndSwap(t.Context(), bad, 0, 1, mine, later())
			require.True(t, err != nil || swapped, "CompareAndSwap takes %q for another", bad)
			swapped, err = t.CompareAndSwap(t.Context(), bad, 5, 6, mine, later())
			require.False(t, err == nil && swapped, "CompareAndSwap takes %q for another", bad)
		}
		if t.Commit(t.Context(), bad, mine, later()) == nil {
			own[bad] = mine
			t.holds(bad, mine, "a malformed ID that was taken")
		}
		t.holds(id, data, "a malformed ID was written")
	}
	for bad, mine := range own {
		t.holds(bad, mine, "other malformed IDs were written")
	}
	for _, bad := range malformed(id) {
		if err := t.Delete(t.Context(), bad); own[bad] != nil {
			require.NoError(t, err, "what could be written can be deleted")
			t.gone(bad, "deleted")
		}
		t.holds(id, data, "a malformed ID was deleted")
	}
}
