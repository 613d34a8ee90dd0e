package redisstore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// The records themselves would take more memory than a test should.
func TestLargestRecord(t *testing.T) {
	require.NoError(t, checkSize(512<<20-8))
	var size *hardtack.SizeError
	require.ErrorAs(t, checkSize(512<<20), &size)
	assert.Equal(t, hardtack.SizeError{RecordBytes: 512 << 20, Limit: 512<<20 - 8, Over: 8}, *size)
	assert.NotErrorIs(t, checkSize(512<<20), hardtack.ErrStoreUnavailable)
}
