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
// that matches ErrStoreFull: it never evicts a session that is still good. It
// is a CompareAndSwapper and safe for concurrent use. Make one with NewMemoryStore.
type MemoryStore struct {
	mu         sync.Mutex
	records    map[string]*memoryRecord
	byExpiry   expiryHeap
	bytes      int
	maxRecords int
	maxBytes   int
	now        func() time.Time
}

type memoryRecord struct {
	id      string
	data    []byte
	version int64 // 0 if Commit wrote it
	expires time.Time
	index   int // in the heap
}

// memoryOverhead is what a record takes beside its data, roughly.
const memoryOverhead = 256

// MemoryStoreConfig bounds a MemoryStore. Zero values mean the defaults.
type MemoryStoreConfig struct {
	MaxRecords int              // 100,000 by default
	MaxBytes   int              // 256 MiB by default; a record counts as its data and 256 bytes
	Now        func() time.Time // time.Now by default
}

// NewMemoryStore returns an empty store.
func NewMemoryStore(c MemoryStoreConfig) *MemoryStore {
	s := &MemoryStore{
		records:    make(map[string]*memoryRecord),
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
	if err := ctx.Err(); err != nil {
		return nil, false, err
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
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(id, 0, data, expires)
}

// CompareAndSwap implements CompareAndSwapper.
func (s *MemoryStore) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[id]
	live := r != nil && s.now().Before(r.expires)
	if live != (old != 0) || live && r.version != old {
		return false, nil
	}
	if err := s.put(id, new, data, expires); err != nil {
		return false, err
	}
	return true, nil
}

// Delete implements Store.
func (s *MemoryStore) Delete(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.records[id]; r != nil {
		s.remove(r)
	}
	return nil
}

// Len returns the number of records that have not expired.
func (s *MemoryStore) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	return len(s.records)
}

func (s *MemoryStore) put(id string, version int64, data []byte, expires time.Time) error {
	s.sweep()
	old := s.records[id]
	n, size := len(s.records), s.bytes+memoryOverhead+len(data)
	if old != nil {
		size -= memoryOverhead + len(old.data)
	} else {
		n++
	}
	if n > s.maxRecords || size > s.maxBytes {
		return ErrStoreFull
	}
	if old != nil {
		s.remove(old)
	}
	r := &memoryRecord{id: id, data: bytes.Clone(data), version: version, expires: expires}
	s.records[id] = r
	s.bytes += memoryOverhead + len(data)
	heap.Push(&s.byExpiry, r)
	return nil
}

func (s *MemoryStore) remove(r *memoryRecord) {
	heap.Remove(&s.byExpiry, r.index)
	delete(s.records, r.id)
	s.bytes -= memoryOverhead + len(r.data)
}

// sweep removes what has expired.
func (s *MemoryStore) sweep() {
	for now := s.now(); len(s.byExpiry) > 0 && !now.Before(s.byExpiry[0].expires); {
		s.remove(s.byExpiry[0])
	}
}

// expiryHeap orders records by expiry, the earliest first.
type expiryHeap []*memoryRecord

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].expires.Before(h[j].expires) }
func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *expiryHeap) Push(x any) {
	r := x.(*memoryRecord)
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
