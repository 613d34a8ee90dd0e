package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/bench/format"
	"github.com/hardtack-go/hardtack/bench/session"
)

// The names here are those that the benchmarks have.
func TestContenders(t *testing.T) {
	var names []string
	for _, f := range format.Values[session.Account]() {
		names = append(names, f.Name)
	}
	assert.Equal(t, names, formats)

	all, err := format.Compressors()
	require.NoError(t, err)
	names = nil
	for _, c := range all {
		names = append(names, c.Name)
	}
	assert.Equal(t, names, compressors)
	assert.Contains(t, compressors, references["Compress"])

	names = nil
	for _, s := range format.Shapes() {
		names = append(names, s.Name)
	}
	assert.Equal(t, names, shapes)
}
