package hardtack

import (
	"bytes"
	"container/heap"
	"context"
	"sync"
	"time"
)

// MemoryStore is a Store in the process's memory, bounded by records and bytes,
// that forgets everything when the process ends. When it is full, writes fail with an error
// that matches ErrStoreFull: it never evicts a session that is still good. It takes any string for an ID. It
// is a CompareAndSwapper, a SubjectIndexer, a Sweeper and a Pinger, and safe for
// concurrent use. Writes remove what has expired, so Sweep is not needed, but
// returns the memory sooner. Make one with NewMemoryStore.
type MemoryStore struct {
	mu         sync.Mutex
	records    map[string]*memoryItem            // by ID
	entries    map[string]*memoryItem            // of the index, by ID
	subjects   map[string]map[string]*memoryItem // the same, by subject and ID
	byExpiry   expiryHeap
	bytes      int
	maxRecords int
	maxBytes   int
	now        func() time.Time
}

// memoryItem is a record, or with a subject an entry of the index.
type memoryItem struct {
	id      string
	subject string
	data    []byte
	version int64 // 0 if Commit wrote it
	expires time.Time
	index   int // in the heap
}

func (r *memoryItem) size() int { return memoryOverhead + len(r.data) }

const (
	// memoryOverhead is what an item takes beside its data, roughly.
	memoryOverhead = 256
	// sweepBatch bounds what is removed while others wait.
	sweepBatch = 256
)

// MemoryStoreConfig bounds a MemoryStore. Zero values mean the defaults.
type MemoryStoreConfig struct {
	MaxRecords int // 100,000 by default; the index does not count
	// MaxBytes is 256 MiB by default; a record counts as its data and 256 bytes,
	// an entry of the index as 256 bytes.
	MaxBytes int
	Now      func() time.Time // time.Now by default
}

// NewMemoryStore returns an empty store.
func NewMemoryStore(c MemoryStoreConfig) *MemoryStore {
	s := &MemoryStore{
		records:    make(map[string]*memoryItem),
		entries:    make(map[string]*memoryItem),
		subjects:   make(map[string]map[string]*memoryItem),
		maxRecords: c.MaxRecords,
		maxBytes:   c.MaxBytes,
		now:        c.Now,
	}
	if s.maxRecords <= 0 {
		s.maxRecords = 100_000
	}
	if s.maxBytes <= 0 {
		s.maxBytes = 256 << 20
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Find implements Store.
func (s *MemoryStore) Find(ctx context.Context, id string) ([]byte, bool, error) {
	if ctx.Err() != nil {
		return nil, false, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[id]
	if r == nil || !s.now().Before(r.expires) {
		return nil, false, nil
	}
	return bytes.Clone(r.data), true, nil
}

// Commit implements Store.
func (s *MemoryStore) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(&memoryItem{id: id, data: bytes.Clone(data), expires: expires})
}

// CompareAndSwap implements CompareAndSwapper.
func (s *MemoryStore) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[id]
	live := r != nil && s.now().Before(r.expires)
	if live != (old != 0) || live && r.version != old {
		return false, nil
	}
	if err := s.put(&memoryItem{id: id, data: bytes.Clone(data), version: new, expires: expires}); err != nil {
		return false, err
	}
	return true, nil
}

// Delete implements Store.
func (s *MemoryStore) Delete(ctx context.Context, id string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.records[id]; r != nil {
		s.remove(r)
	}
	return nil
}

// Index implements SubjectIndexer.
func (s *MemoryStore) Index(ctx context.Context, id, subject string, expires time.Time) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if subject != "" {
		return s.put(&memoryItem{id: id, subject: subject, expires: expires})
	}
	if e := s.entries[id]; e != nil {
		s.remove(e)
	}
	return nil
}

// FindSubjects implements SubjectIndexer.
func (s *MemoryStore) FindSubjects(ctx context.Context, subjects []string) (map[string]time.Time, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids, now := make(map[string]time.Time), s.now()
	for _, subject := range subjects {
		for id, e := range s.subjects[subject] {
			if now.Before(e.expires) {
				ids[id] = e.expires
			}
		}
	}
	return ids, nil
}

// Sweep implements Sweeper.
func (s *MemoryStore) Sweep(ctx context.Context) (removed int, err error) {
	for now := s.now(); ; {
		if ctx.Err() != nil {
			return removed, context.Cause(ctx)
		}
		s.mu.Lock()
		n := s.sweep(now, sweepBatch)
		s.mu.Unlock()
		removed += n
		if n < sweepBatch {
			return removed, nil
		}
	}
}

// Ping implements Pinger. The store is always there.
func (s *MemoryStore) Ping(ctx context.Context) error { return context.Cause(ctx) }

// Len returns the number of records that have not expired.
func (s *MemoryStore) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(s.now(), len(s.byExpiry))
	return len(s.records)
}

// items returns the records, or the index, whichever r belongs to.
func (s *MemoryStore) items(r *memoryItem) map[string]*memoryItem {
	if r.subject != "" {
		return s.entries
	}
	return s.records
}

// put adds r in place of what was there.
func (s *MemoryStore) put(r *memoryItem) error {
	s.sweep(s.now(), sweepBatch)
	if !s.fits(r) {
		s.sweep(s.now(), len(s.byExpiry))
		if !s.fits(r) {
			return ErrStoreFull
		}
	}
	items := s.items(r)
	if old := items[r.id]; old != nil {
		s.remove(old)
	}
	items[r.id] = r
	if r.subject != "" {
		ids := s.subjects[r.subject]
		if ids == nil {
			ids = make(map[string]*memoryItem)
			s.subjects[r.subject] = ids
		}
		ids[r.id] = r
	}
	s.bytes += r.size()
	heap.Push(&s.byExpiry, r)
	return nil
}

// fits reports whether there is room for r in place of what is there.
func (s *MemoryStore) fits(r *memoryItem) bool {
	n, size := len(s.records), s.bytes+r.size()
	old := s.items(r)[r.id]
	if old != nil {
		size -= old.size()
	} else if r.subject == "" {
		n++
	}
	return n <= s.maxRecords && size <= s.maxBytes
}

func (s *MemoryStore) remove(r *memoryItem) {
	heap.Remove(&s.byExpiry, r.index)
	delete(s.items(r), r.id)
	if ids := s.subjects[r.subject]; ids != nil {
		if delete(ids, r.id); len(ids) == 0 {
			delete(s.subjects, r.subject)
		}
	}
	s.bytes -= r.size()
}

// sweep removes what has expired, most items at most, and returns how many.
func (s *MemoryStore) sweep(now time.Time, most int) (removed int) {
	for ; removed < most && len(s.byExpiry) > 0 && !now.Before(s.byExpiry[0].expires); removed++ {
		s.remove(s.byExpiry[0])
	}
	return removed
}

// expiryHeap orders items by expiry, the earliest first.
type expiryHeap []*memoryItem

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].expires.Before(h[j].expires) }
func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *expiryHeap) Push(x any) {
	r := x.(*memoryItem)
	r.index = len(*h)
	*h = append(*h, r)
}
func (h *expiryHeap) Pop() any {
	old := *h
	r := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return r
}
