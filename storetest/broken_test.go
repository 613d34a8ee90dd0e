package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/storetest"
)

func memory() *hardtack.MemoryStore {
	return hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})
}

// broken is a MemoryStore with some methods replaced.
type broken struct {
	*hardtack.MemoryStore
	find   func(ctx context.Context, id string) ([]byte, bool, error)
	commit func(ctx context.Context, id string, data []byte, expires time.Time) error
	delete func(ctx context.Context, id string) error
	swap   func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error)
	file   func(ctx context.Context, id, subject string, expires time.Time) error
	filed  func(ctx context.Context, subjects []string) (map[string]time.Time, error)
	sweep  func(ctx context.Context) (int, error)
	ping   func(ctx context.Context) error
}

// whole returns a broken store that is none yet.
func whole() *broken {
	m := memory()
	return &broken{m, m.Find, m.Commit, m.Delete, m.CompareAndSwap, m.Index, m.FindSubjects, m.Sweep, m.Ping}
}

func (b *broken) Find(ctx context.Context, id string) ([]byte, bool, error) { return b.find(ctx, id) }
func (b *broken) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	return b.commit(ctx, id, data, expires)
}
func (b *broken) Delete(ctx context.Context, id string) error { return b.delete(ctx, id) }
func (b *broken) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	return b.swap(ctx, id, old, new, data, expires)
}
func (b *broken) Index(ctx context.Context, id, subject string, expires time.Time) error {
	return b.file(ctx, id, subject, expires)
}
func (b *broken) FindSubjects(ctx context.Context, subjects []string) (map[string]time.Time, error) {
	return b.filed(ctx, subjects)
}
func (b *broken) Sweep(ctx context.Context) (int, error) { return b.sweep(ctx) }
func (b *broken) Ping(ctx context.Context) error         { return b.ping(ctx) }

// renames has the store know every ID by another name.
func (b *broken) renames(name func(string) string) *broken {
	m := b.MemoryStore
	b.find = func(ctx context.Context, id string) ([]byte, bool, error) { return m.Find(ctx, name(id)) }
	b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
		return m.Commit(ctx, name(id), data, expires)
	}
	b.delete = func(ctx context.Context, id string) error { return m.Delete(ctx, name(id)) }
	b.swap = func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
		return m.CompareAndSwap(ctx, name(id), old, new, data, expires)
	}
	return b
}

// rewrites has the store keep other data than it was given.
func (b *broken) rewrites(data func([]byte) []byte) *broken {
	m := b.MemoryStore
	b.commit = func(ctx context.Context, id string, given []byte, expires time.Time) error {
		return m.Commit(ctx, id, data(given), expires)
	}
	b.swap = func(ctx context.Context, id string, old, new int64, given []byte, expires time.Time) (bool, error) {
		return m.CompareAndSwap(ctx, id, old, new, data(given), expires)
	}
	return b
}

// expires has the store keep records until another time than it was told.
func (b *broken) expires(until func(id string, expires time.Time) time.Time) *broken {
	m := b.MemoryStore
	b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
		return m.Commit(ctx, id, data, until(id, expires))
	}
	b.swap = func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
		return m.CompareAndSwap(ctx, id, old, new, data, until(id, expires))
	}
	return b
}

// first returns an until that may look at the expiry that the record had first.
func first(until func(had, expires time.Time) time.Time) func(string, time.Time) time.Time {
	var mu sync.Mutex
	had := make(map[string]time.Time)
	return func(id string, expires time.Time) time.Time {
		mu.Lock()
		defer mu.Unlock()
		if at, ok := had[id]; ok {
			expires = until(at, expires)
		}
		had[id] = expires
		return expires
	}
}

// ledger is what a broken store remembers of records by itself.
type ledger[V any] struct {
	mu sync.Mutex
	of map[string]V
}

func (l *ledger[V]) set(id string, v V) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = make(map[string]V)
	}
	l.of[id] = v
}

func (l *ledger[V]) get(id string) (V, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.of[id]
	return v, ok
}

func (l *ledger[V]) drop(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, id)
}

var forever = time.Now().Add(1000 * time.Hour)

var errBroken = errors.New("broken")

// fault is a way to break a store, and the clause that must notice.
type fault struct {
	name, clause string
	store        func() hardtack.Store
	options      func() storetest.Options
}

func caseless() hardtack.Store { return whole().renames(strings.ToLower) }

func ignoresContexts() hardtack.Store {
	b := whole()
	m := b.MemoryStore
	b.find = func(ctx context.Context, id string) ([]byte, bool, error) {
		return m.Find(context.WithoutCancel(ctx), id)
	}
	return b
}

// lateExpiry forgets what has expired in Find alone.
func lateExpiry() hardtack.Store {
	var until ledger[time.Time]
	b := whole().expires(func(id string, expires time.Time) time.Time {
		until.set(id, expires)
		return forever
	})
	m := b.MemoryStore
	b.find = func(ctx context.Context, id string) ([]byte, bool, error) {
		if at, ok := until.get(id); ok && !time.Now().Before(at) {
			return nil, false, nil
		}
		return m.Find(ctx, id)
	}
	return b
}

// hasty compares, waits, and swaps.
func hasty() hardtack.Store {
	b := whole()
	var versions ledger[int64]
	b.swap = func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
		if v, _ := versions.get(id); v != old {
			return false, nil
		}
		time.Sleep(time.Millisecond)
		versions.set(id, new)
		return true, b.MemoryStore.Commit(ctx, id, data, expires)
	}
	b.delete = func(ctx context.Context, id string) error {
		versions.drop(id)
		return b.MemoryStore.Delete(ctx, id)
	}
	return b
}

func indexRenames(name func(string) string) func() hardtack.Store {
	return func() hardtack.Store {
		b := whole()
		b.file = func(ctx context.Context, id, subject string, expires time.Time) error {
			return b.MemoryStore.Index(ctx, id, name(subject), expires)
		}
		b.filed = func(ctx context.Context, subjects []string) (map[string]time.Time, error) {
			names := make([]string, len(subjects))
			for i, s := range subjects {
				names[i] = name(s)
			}
			return b.MemoryStore.FindSubjects(ctx, names)
		}
		return b
	}
}

func breaking(f func(b *broken, m *hardtack.MemoryStore)) func() hardtack.Store {
	return func() hardtack.Store {
		b := whole()
		f(b, b.MemoryStore)
		return b
	}
}

func good() hardtack.Store { return memory() }

func faults() []fault {
	return []fault{
		{name: "finds what is missing", clause: "Records/Missing", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.find = func(ctx context.Context, id string) ([]byte, bool, error) {
				data, _, err := m.Find(ctx, id)
				return data, true, err
			}
		})},
		{name: "missing is an error", clause: "Records/Missing", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.find = func(ctx context.Context, id string) ([]byte, bool, error) {
				data, found, _ := m.Find(ctx, id)
				if !found {
					return nil, false, errBroken
				}
				return data, found, nil
			}
		})},
		{name: "the first write stays", clause: "Records/Overwrite", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				_, err := m.CompareAndSwap(ctx, id, 0, 1, data, expires)
				return err
			}
		})},
		{name: "empty is missing", clause: "Records/Empty", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.find = func(ctx context.Context, id string) ([]byte, bool, error) {
				data, found, err := m.Find(ctx, id)
				return data, found && len(data) > 0, err
			}
		})},
		{name: "cuts at 64 KiB", clause: "Records/Sizes", store: func() hardtack.Store {
			return whole().rewrites(func(b []byte) []byte { return b[:min(len(b), 1<<16-1)] })
		}},
		{name: "cuts trailing zeros", clause: "Records/Sizes", store: func() hardtack.Store {
			return whole().rewrites(func(b []byte) []byte { return bytes.TrimRight(b, "\x00") })
		}},
		{name: "mends UTF-8", clause: "Records/Sizes", store: func() hardtack.Store {
			return whole().rewrites(func(b []byte) []byte { return bytes.ToValidUTF8(b, []byte("?")) })
		}},
		{name: "takes too much", clause: "Records/TooLarge", store: good, options: func() storetest.Options {
			return storetest.Options{MaxData: 1000}
		}},
		{name: "removes before it refuses", clause: "Records/TooLarge", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				if over := len(data) - 1000; over > 0 {
					_ = m.Delete(ctx, id)
					return &hardtack.SizeError{RecordBytes: len(data), Limit: 1000, Over: over}
				}
				return m.Commit(ctx, id, data, expires)
			}
		}), options: func() storetest.Options { return storetest.Options{MaxData: 1000} }},
		{name: "keeps the slice", clause: "Records/GivenSlices", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			var kept ledger[[]byte]
			b.commit = func(_ context.Context, id string, data []byte, _ time.Time) error {
				kept.set(id, data)
				return nil
			}
			b.find = func(_ context.Context, id string) ([]byte, bool, error) {
				data, ok := kept.get(id)
				return data, ok, nil
			}
		})},
		{name: "changes the slice", clause: "Records/GivenSlices", store: func() hardtack.Store {
			return whole().rewrites(func(b []byte) []byte {
				same := bytes.Clone(b)
				clear(b)
				return same
			})
		}},
		{name: "writes behind the slice", clause: "Records/GivenSlices", store: func() hardtack.Store {
			return whole().rewrites(func(b []byte) []byte {
				_ = append(b, 0)
				return b
			})
		}},
		{name: "overwrites in place", clause: "Records/FoundSlices", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			var kept ledger[[]byte]
			b.commit = func(_ context.Context, id string, data []byte, _ time.Time) error {
				if was, ok := kept.get(id); ok && len(was) == len(data) {
					copy(was, data)
				} else {
					kept.set(id, bytes.Clone(data))
				}
				return nil
			}
			b.find = func(_ context.Context, id string) ([]byte, bool, error) {
				data, ok := kept.get(id)
				return data, ok, nil
			}
		})},
		{name: "deletes nothing", clause: "Records/Delete", store: breaking(func(b *broken, _ *hardtack.MemoryStore) {
			b.delete = func(context.Context, string) error { return nil }
		})},
		{name: "deleting what is missing fails", clause: "Records/Delete", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.delete = func(ctx context.Context, id string) error {
				if _, found, _ := m.Find(ctx, id); !found {
					return errBroken
				}
				return m.Delete(ctx, id)
			}
		})},
		{name: "folds case", clause: "Records/Twins", store: caseless},
		{name: "cuts the last character", clause: "Records/Twins", store: func() hardtack.Store {
			return whole().renames(func(id string) string { return id[:min(len(id), 42)] })
		}},
		{name: "deletes by pattern", clause: "Records/Twins", store: func() hardtack.Store {
			return whole().renames(func(id string) string { return strings.ReplaceAll(id, "-", "_") })
		}},
		{name: "trims spaces", clause: "Records/MalformedIDs", store: func() hardtack.Store {
			return whole().renames(strings.TrimSpace)
		}},
		{name: "trims padding", clause: "Records/MalformedIDs", store: func() hardtack.Store {
			return whole().renames(func(id string) string { return strings.TrimRight(id, "=") })
		}},
		{name: "ends at NUL", clause: "Records/MalformedIDs", store: func() hardtack.Store {
			return whole().renames(func(id string) string { id, _, _ = strings.Cut(id, "\x00"); return id })
		}},
		{name: "cuts what is too long", clause: "Records/MalformedIDs", store: func() hardtack.Store {
			return whole().renames(func(id string) string { return id[:min(len(id), 43)] })
		}},
		{name: "takes paths", clause: "Records/MalformedIDs", store: func() hardtack.Store {
			return whole().renames(func(id string) string { return id[strings.LastIndex(id, "/")+1:] })
		}},
		{name: "mends UTF-8 of IDs", clause: "Records/MalformedIDs", store: func() hardtack.Store {
			return whole().renames(func(id string) string { return strings.ToValidUTF8(id, "") })
		}},

		{name: "keeps whole seconds", clause: "Expiry/Exact", store: func() hardtack.Store {
			return whole().expires(func(_ string, at time.Time) time.Time { return at.Truncate(time.Second) })
		}},
		{name: "forgets the expiry", clause: "Expiry/Exact", store: func() hardtack.Store {
			return whole().expires(func(string, time.Time) time.Time { return forever })
		}},
		{name: "what has passed is no expiry", clause: "Expiry/Passed", store: func() hardtack.Store {
			return whole().expires(func(_ string, at time.Time) time.Time {
				if time.Until(at) <= 0 {
					return forever
				}
				return at
			})
		}},
		{name: "reads the face of the clock", clause: "Expiry/Far", store: func() hardtack.Store {
			return whole().expires(func(_ string, at time.Time) time.Time {
				return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.Local)
			})
		}},
		{name: "32 bits of milliseconds", clause: "Expiry/Far", store: func() hardtack.Store {
			return whole().expires(func(_ string, at time.Time) time.Time {
				return time.Now().Add(time.Duration(int32(time.Until(at).Milliseconds())) * time.Millisecond)
			})
		}},
		{name: "expires never earlier", clause: "Expiry/Earlier", store: func() hardtack.Store {
			return whole().expires(first(func(had, at time.Time) time.Time {
				if at.Before(had) {
					return had
				}
				return at
			}))
		}},
		{name: "expires never later", clause: "Expiry/Later", store: func() hardtack.Store {
			return whole().expires(first(func(had, at time.Time) time.Time {
				if at.After(had) {
					return had
				}
				return at
			}))
		}},
		{name: "swaps what has expired", clause: "Expiry/Swap", store: lateExpiry},
		{name: "a swap moves no expiry", clause: "Expiry/SwapMoves", store: func() hardtack.Store {
			return whole().expires(first(func(had, _ time.Time) time.Time { return had }))
		}},
		{name: "swaps what was committed and has expired", clause: "Expiry/Committed", store: lateExpiry},
		{name: "entries do not expire", clause: "Expiry/Index", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.file = func(ctx context.Context, id, subject string, _ time.Time) error {
				return m.Index(ctx, id, subject, forever)
			}
		})},

		{name: "inserts over what is there", clause: "Swap/Insert", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.swap = func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
				if old == 0 {
					_ = m.Delete(ctx, id)
				}
				return m.CompareAndSwap(ctx, id, old, new, data, expires)
			}
		})},
		{name: "inserts what is missing", clause: "Swap/Missing", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.swap = func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
				if _, found, _ := m.Find(ctx, id); !found {
					old = 0
				}
				return m.CompareAndSwap(ctx, id, old, new, data, expires)
			}
		})},
		{name: "ignores versions", clause: "Swap/Versions", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.swap = func(ctx context.Context, id string, old, _ int64, data []byte, expires time.Time) (bool, error) {
				return m.CompareAndSwap(ctx, id, min(old, 1), 1, data, expires)
			}
		})},
		{name: "versions in floating point", clause: "Swap/Versions", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.swap = func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
				return m.CompareAndSwap(ctx, id, int64(float64(old)/2), int64(float64(new)/2), data, expires)
			}
		})},
		{name: "versions of 32 bits", clause: "Swap/Versions", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.swap = func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
				return m.CompareAndSwap(ctx, id, int64(uint32(old)), int64(uint32(new)), data, expires)
			}
		})},
		{name: "committing keeps the version", clause: "Swap/Committed", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			var versions ledger[int64]
			b.swap = func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
				swapped, err := m.CompareAndSwap(ctx, id, old, new, data, expires)
				if swapped {
					versions.set(id, new)
				}
				return swapped, err
			}
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				version, ok := versions.get(id)
				if !ok {
					return m.Commit(ctx, id, data, expires)
				}
				_, err := m.CompareAndSwap(ctx, id, version, version, data, expires)
				return err
			}
		})},
		{name: "committing makes it version 1", clause: "Swap/Committed", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				_ = m.Delete(ctx, id)
				_, err := m.CompareAndSwap(ctx, id, 0, 1, data, expires)
				return err
			}
		})},
		{name: "a deleted record has a version", clause: "Swap/Deleted", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			var deleted ledger[bool]
			b.delete = func(ctx context.Context, id string) error {
				deleted.set(id, true)
				return nil
			}
			b.find = func(ctx context.Context, id string) ([]byte, bool, error) {
				if gone, _ := deleted.get(id); gone {
					return nil, false, nil
				}
				return m.Find(ctx, id)
			}
		})},
		{name: "swaps what has passed in for good", clause: "Swap/Passed", store: func() hardtack.Store {
			return whole().expires(func(_ string, at time.Time) time.Time {
				if time.Until(at) <= 0 {
					return forever
				}
				return at
			})
		}},

		{name: "inserts without a lock", clause: "Concurrency/Inserts", store: hasty},
		{name: "swaps without a lock", clause: "Concurrency/Swaps", store: hasty},
		{name: "counts without a lock", clause: "Concurrency/Counter", store: hasty},
		{name: "takes random swaps without a lock", clause: "Concurrency/Random", store: hasty},
		{name: "acknowledges before it writes", clause: "Concurrency/Random", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				data = bytes.Clone(data)
				go func() {
					time.Sleep(5 * time.Millisecond)
					_ = m.Commit(context.WithoutCancel(ctx), id, data, expires)
				}()
				return nil
			}
		})},
		{name: "writes by halves", clause: "Concurrency/Readers", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				if was, found, _ := m.Find(ctx, id); found {
					half := bytes.Clone(data)
					copy(half, was[:min(len(was), len(data)/2)])
					_ = m.Commit(ctx, id, half, expires)
					time.Sleep(time.Millisecond)
				}
				return m.Commit(ctx, id, data, expires)
			}
		})},
		{name: "deletes and inserts", clause: "Concurrency/Readers", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				_ = m.Delete(ctx, id)
				time.Sleep(time.Millisecond)
				return m.Commit(ctx, id, data, expires)
			}
		})},
		cached(),

		{name: "does not know when an entry expires", clause: "Index/File", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.filed = func(ctx context.Context, subjects []string) (map[string]time.Time, error) {
				ids, err := m.FindSubjects(ctx, subjects)
				for id := range ids {
					ids[id] = time.Time{}
				}
				return ids, err
			}
		})},
		{name: "leaves it where it was", clause: "Index/Refile", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.file = func(ctx context.Context, id, subject string, expires time.Time) error {
				return m.Index(ctx, id+subject, subject, expires)
			}
			b.filed = func(ctx context.Context, subjects []string) (map[string]time.Time, error) {
				both, err := m.FindSubjects(ctx, subjects)
				ids := make(map[string]time.Time)
				for id, at := range both {
					ids[id[:43]] = at
				}
				return ids, err
			}
		})},
		{name: "takes nothing away", clause: "Index/Unfile", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.file = func(ctx context.Context, id, subject string, expires time.Time) error {
				if subject == "" {
					return nil
				}
				return m.Index(ctx, id, subject, expires)
			}
		})},
		{name: "looks at one subject", clause: "Index/Several", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.filed = func(ctx context.Context, subjects []string) (map[string]time.Time, error) {
				return m.FindSubjects(ctx, subjects[:min(1, len(subjects))])
			}
		})},
		{name: "nobody is an error", clause: "Index/None", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.filed = func(ctx context.Context, subjects []string) (map[string]time.Time, error) {
				ids, err := m.FindSubjects(ctx, subjects)
				if len(ids) == 0 {
					err = errBroken
				}
				return ids, err
			}
		})},
		{name: "deletes the entry with the record", clause: "Index/Independent", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.delete = func(ctx context.Context, id string) error {
				_ = m.Index(ctx, id, "", forever)
				return m.Delete(ctx, id)
			}
		})},
		{name: "finds no entry without its record", clause: "Index/Independent", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.filed = func(ctx context.Context, subjects []string) (map[string]time.Time, error) {
				ids, err := m.FindSubjects(ctx, subjects)
				for id := range ids {
					if _, found, _ := m.Find(ctx, id); !found {
						delete(ids, id)
					}
				}
				return ids, err
			}
		})},
		{name: "folds the case of subjects", clause: "Index/Twins", store: indexRenames(strings.ToLower)},
		{name: "trims subjects", clause: "Index/Malformed", store: indexRenames(strings.TrimSpace)},
		{name: "finds 500", clause: "Index/Thousand", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.filed = func(ctx context.Context, subjects []string) (map[string]time.Time, error) {
				ids, err := m.FindSubjects(ctx, subjects)
				for id := range ids {
					if len(ids) > 500 {
						delete(ids, id)
					}
				}
				return ids, err
			}
		})},
		{name: "files in two steps", clause: "Index/Concurrent", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.file = func(ctx context.Context, id, subject string, expires time.Time) error {
				_ = m.Index(ctx, id, "", expires)
				time.Sleep(time.Millisecond)
				return m.Index(ctx, id, subject, expires)
			}
		})},

		{name: "sweeps nothing", clause: "Sweep/Expired", store: breaking(func(b *broken, _ *hardtack.MemoryStore) {
			b.sweep = func(context.Context) (int, error) { return 0, nil }
		})},
		{name: "miscounts", clause: "Sweep/Expired", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.sweep = func(ctx context.Context) (int, error) {
				n, err := m.Sweep(ctx)
				return n + 1, err
			}
		})},
		{name: "sweeps a live record", clause: "Sweep/Expired", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			var some ledger[bool]
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				some.set(id, true)
				return m.Commit(ctx, id, data, expires)
			}
			b.sweep = func(ctx context.Context) (int, error) {
				n, err := m.Sweep(ctx)
				some.mu.Lock()
				defer some.mu.Unlock()
				for id := range some.of {
					_ = m.Delete(ctx, id)
				}
				return n, err
			}
		})},
		{name: "counts what another sweeps", clause: "Sweep/Together", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			var sweeping, removed atomic.Int64
			b.sweep = func(ctx context.Context) (int, error) {
				if sweeping.Add(1) == 1 {
					removed.Store(0)
				}
				n, err := m.Sweep(ctx)
				removed.Add(int64(n))
				time.Sleep(50 * time.Millisecond)
				defer sweeping.Add(-1)
				return int(removed.Load()), err
			}
		})},
		{name: "sweeps on", clause: "Sweep/Cancelled", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.sweep = func(ctx context.Context) (int, error) { return m.Sweep(context.WithoutCancel(ctx)) }
		})},
		{name: "looks, and sweeps later", clause: "Sweep/Recommitted", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			var until ledger[time.Time]
			b.expires(func(id string, expires time.Time) time.Time {
				until.set(id, expires)
				return expires
			})
			b.sweep = func(ctx context.Context) (int, error) {
				var due []string
				until.mu.Lock()
				for id, at := range until.of {
					if !time.Now().Before(at) {
						due = append(due, id)
						delete(until.of, id)
					}
				}
				until.mu.Unlock()
				time.Sleep(5 * time.Millisecond)
				for _, id := range due {
					_ = m.Delete(ctx, id)
				}
				return len(due), nil
			}
		})},

		{name: "ignores that it is cancelled", clause: "Contexts/Cancelled", store: ignoresContexts},
		{name: "writes, then looks at the context", clause: "Contexts/Cancelled", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				_ = m.Commit(context.WithoutCancel(ctx), id, data, expires)
				return ctx.Err()
			}
		})},
		{name: "ignores its deadline", clause: "Contexts/Deadline", store: ignoresContexts},
		{name: "hangs", clause: "Contexts/Hangs", store: good, options: func() storetest.Options {
			b := whole()
			b.find = func(context.Context, string) ([]byte, bool, error) { select {} }
			return storetest.Options{Hangs: b}
		}},
		{name: "does not say why it gave up", clause: "Contexts/Hangs", store: good, options: func() storetest.Options {
			return storetest.Options{Hangs: absent()}
		}},
		{name: "is never there", clause: "Ping/There", store: breaking(func(b *broken, _ *hardtack.MemoryStore) {
			b.ping = func(context.Context) error { return errBroken }
		})},
		{name: "nothing fails", clause: "Away/Methods", store: good, options: func() storetest.Options {
			return storetest.Options{Away: memory()}
		}},
		{name: "another error", clause: "Away/Methods", store: good, options: func() storetest.Options {
			return storetest.Options{Away: absent(), AwayIs: hardtack.ErrStoreUnavailable}
		}},
		{name: "the Jar is not told", clause: "Away/Jar", store: good, options: func() storetest.Options {
			return storetest.Options{Away: memory()}
		}},
		{name: "cuts at 64 KiB, for a Jar", clause: "Jar/Hybrid", store: func() hardtack.Store {
			return whole().rewrites(func(b []byte) []byte { return b[:min(len(b), 1<<16-1)] })
		}},

		{name: "an error names the ID", clause: "Secrets/Errors", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.swap = func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
				if !hardtack.ValidRecordID(id) {
					return false, fmt.Errorf("malformed ID %q", id)
				}
				return m.CompareAndSwap(ctx, id, old, new, data, expires)
			}
		})},
		{name: "an error shows data", clause: "Secrets/Errors", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				if !hardtack.ValidRecordID(id) {
					return fmt.Errorf("INSERT %v: malformed ID", data) // as decimal numbers
				}
				return m.Commit(ctx, id, data, expires)
			}
		})},
		{name: "logs IDs", clause: "Secrets/Log", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				slog.Debug("commit", "id", id)
				return m.Commit(ctx, id, data, expires)
			}
		})},
		{name: "logs data", clause: "Secrets/Log", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
			b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
				if len(data) < 100 {
					log.Printf("commit %x", data)
				}
				return m.Commit(ctx, id, data, expires)
			}
		})},
		serverLog(),
	}
}

// absent is a store whose every method fails.
func absent() hardtack.Store {
	b := whole()
	b.find = func(context.Context, string) ([]byte, bool, error) { return nil, false, errBroken }
	b.commit = func(context.Context, string, []byte, time.Time) error { return errBroken }
	b.delete = func(context.Context, string) error { return errBroken }
	b.swap = func(context.Context, string, int64, int64, []byte, time.Time) (bool, error) { return false, errBroken }
	b.file = func(context.Context, string, string, time.Time) error { return errBroken }
	b.filed = func(context.Context, []string) (map[string]time.Time, error) { return nil, errBroken }
	b.sweep = func(context.Context) (int, error) { return 0, errBroken }
	b.ping = func(context.Context) error { return errBroken }
	return b
}

// cached is a client that does not look again.
func cached() fault {
	store := memory()
	return fault{name: "caches", clause: "Concurrency/Clients", store: func() hardtack.Store { return store }, options: func() storetest.Options {
		b := whole()
		*b = broken{store, store.Find, store.Commit, store.Delete, store.CompareAndSwap, store.Index, store.FindSubjects, store.Sweep, store.Ping}
		var seen ledger[[]byte]
		b.find = func(ctx context.Context, id string) ([]byte, bool, error) {
			if data, ok := seen.get(id); ok {
				return data, true, nil
			}
			data, found, err := store.Find(ctx, id)
			if found {
				seen.set(id, data)
			}
			return data, found, err
		}
		return storetest.Options{Again: b}
	}}
}

// serverLog is a store whose server logs what it is told.
func serverLog() fault {
	var mu sync.Mutex
	var text strings.Builder
	return fault{name: "the server logs IDs", clause: "Secrets/ServerLog", store: breaking(func(b *broken, m *hardtack.MemoryStore) {
		b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&text, "SET %s\n", id)
			return m.Commit(ctx, id, data, expires)
		}
	}), options: func() storetest.Options {
		return storetest.Options{Logs: func() string {
			mu.Lock()
			defer mu.Unlock()
			return text.String()
		}}
	}}
}
