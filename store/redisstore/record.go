package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/redis/go-redis/v9"
)

const (
	versionSize = 8
	maxData     = 512<<20 - versionSize // Redis limits a string, proto-max-bulk-len
)

var errNoRecord = errors.New("the key holds no record")

func (s *Store) recordKey(id string) string { return s.prefix + "r:" + id }

// Find implements hardtack.Store.
func (s *Store) Find(ctx context.Context, id string) (data []byte, found bool, err error) {
	if err := checkID(id); err != nil {
		return nil, false, err
	}
	value, err := s.client.Get(ctx, s.recordKey(id)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, false, nil
	case err == nil && len(value) < versionSize:
		err = errNoRecord
	}
	if err != nil {
		return nil, false, unavailable(ctx, "find", err)
	}
	return value[versionSize:], true, nil
}

// Commit implements hardtack.Store. Data of more than 512 MiB less 8 bytes is a *hardtack.SizeError.
func (s *Store) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	value, err := encode(id, 0, data)
	if err != nil {
		return err
	}
	err = s.client.Do(ctx, "SET", s.recordKey(id), value, "PXAT", milli(expires)).Err() // SetArgs rounds to seconds
	return unavailable(ctx, "commit", err)
}

// Delete implements hardtack.Store.
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	return unavailable(ctx, "delete", s.client.Del(ctx, s.recordKey(id)).Err())
}

// swapScript compares the version as bytes, since a Lua number does not hold an int64. The version of a
// record that is not there is empty.
var swapScript = newScript(`
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then
	return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
return 1
`)

// CompareAndSwap implements hardtack.CompareAndSwapper. Data of more than 512 MiB less 8 bytes is a *hardtack.SizeError.
//
// It is never repeated after a lost answer, whatever the client is set to: the repetition would find the record changed, by
// itself or by whoever has built on it, and report false for a swap that was made. The error is one that matches hardtack.ErrStoreUnavailable.
func (s *Store) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	value, err := encode(id, new, data)
	if err != nil {
		return false, err
	}
	var expected []byte
	if old != 0 {
		expected = binary.BigEndian.AppendUint64(nil, uint64(old))
	}
	swapped, err := swapScript.once(ctx, s.client, s.recordKey(id), expected, value, milli(expires))
	return swapped, unavailable(ctx, "swap", err)
}

// encode returns the value of a record: its version, big-endian, and the data.
func encode(id string, version int64, data []byte) ([]byte, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	if err := checkSize(len(data)); err != nil {
		return nil, err
	}
	value := make([]byte, versionSize, versionSize+len(data))
	binary.BigEndian.PutUint64(value, uint64(version))
	return append(value, data...), nil
}

func checkSize(n int) error {
	if n > maxData {
		return &hardtack.SizeError{RecordBytes: n, Limit: maxData, Over: n - maxData}
	}
	return nil
}
