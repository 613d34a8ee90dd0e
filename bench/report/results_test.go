package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const small = `date: 2026-01-02
cpu: Made Up 1000
pkg: example.com/a
BenchmarkPing/size=1/by=ours-2 10 100 ns/op 3 allocs/op 40 cookie-bytes
BenchmarkPing/size=1/by=deflate-6-2 10 400 ns/op 9 allocs/op
BenchmarkPing/size=1/by=none-2 10 60 ns/op 1 allocs/op
pkg: example.com/b
BenchmarkPong/by=ours-2 10 7 ns/op 0 allocs/op
pkg: example.com/a
BenchmarkPing/size=1/by=ours-2 10 1000 ns/op 3 allocs/op 40 cookie-bytes
BenchmarkPing/size=1/by=deflate-6-2 10 6000 ns/op 9 allocs/op
BenchmarkPing/size=1/by=none-2 10 600 ns/op 1 allocs/op
BenchmarkPing/size=1/by=ours-2 10 110 ns/op 4 allocs/op 40 cookie-bytes
BenchmarkPing/size=1/by=deflate-6-2 10 220 ns/op 9 allocs/op
BenchmarkPing/size=1/by=none-2 10 60 ns/op 1 allocs/op
`

func TestParse(t *testing.T) {
	r := parsed(t, small)
	assert.Equal(t, []string{"Ping/size=1/by=ours", "Ping/size=1/by=deflate-6", "Ping/size=1/by=none", "Pong/by=ours"}, r.names)
	assert.Equal(t, "Made Up 1000", r.setting("cpu"))
	assert.Empty(t, r.setting("pkg"), "a file has more than one")
	assert.Equal(t, []string{"1"}, r.settings("Ping", "size"))

	v, err := r.values("Ping/size=1/by=ours", allocs)
	require.NoError(t, err)
	assert.Equal(t, []float64{3, 3, 4}, v)
	v, err = r.values("Ping/size=1/by=ours", seconds)
	require.NoError(t, err)
	assert.InDeltaSlice(t, []float64{1e-7, 1e-6, 1.1e-7}, v, 1e-12)
	_, err = r.values("Ping/size=2/by=ours", seconds)
	assert.ErrorIs(t, err, errMissing)
	_, err = r.values("Pong/by=ours", cookieBytes)
	assert.ErrorIs(t, err, errMissing)
}

func TestMerge(t *testing.T) {
	r := parsed(t, small)
	r.merge(parsed(t, "BenchmarkPong/by=ours-2 10 9 ns/op\nBenchmarkNew/by=ours-2 10 9 ns/op\n"))
	v, err := r.values("Pong/by=ours", seconds)
	require.NoError(t, err)
	assert.InDeltaSlice(t, []float64{9e-9}, v, 1e-15)
	assert.Contains(t, r.names, "New/by=ours")
	_, err = r.values("Ping/size=1/by=ours", seconds)
	assert.NoError(t, err)
}

func TestSplit(t *testing.T) {
	setting, by := split("Value/shape=cart/op=open/by=hardtack-hs256")
	assert.Equal(t, "Value/shape=cart/op=open", setting)
	assert.Equal(t, "hardtack-hs256", by)
}
