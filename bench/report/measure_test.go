package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A module of its own, with two packages that have a benchmark each.
func module(t *testing.T) bench {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"go.mod": "module example.com/bench\n\ngo 1.25\n",
		"one/one_test.go": `package one

import "testing"

func BenchmarkPing(b *testing.B) {
	for _, by := range []string{"ours", "peer-6"} {
		b.Run("size=1/by="+by, func(b *testing.B) {
			println("host: secret") // what a benchmark prints must not get into the file
			b.ReportAllocs()
			for b.Loop() {
			}
			b.ReportMetric(42, "cookie-bytes")
		})
	}
}

func BenchmarkLeftOut(b *testing.B) { b.Fatal("not selected") }
`,
		"two/two_test.go": `package two

import "testing"

func BenchmarkPong(b *testing.B) {
	b.Run("by=ours", func(b *testing.B) {
		for b.Loop() {
		}
	})
}

func BenchmarkBroken(b *testing.B) { b.Fatal("broken") }
`,
	}
	for path, text := range files {
		path = filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	t.Setenv("GOWORK", "off")
	return bench{dir, t.TempDir(), io.Discard, 3}
}

func TestMeasure(t *testing.T) {
	b := module(t)
	text, err := b.measure(context.Background(), []selection{
		{pkg: "one", title: "ping", benchtime: "2x", patterns: []string{pattern("Ping")}, more: 1},
		{pkg: "two", title: "pong", benchtime: "2x", patterns: []string{pattern("Pong")}, inARow: true},
	})
	require.NoError(t, err)

	r := parsed(t, text)
	assert.Equal(t, []string{"Ping/size=1/by=ours", "Ping/size=1/by=peer-6", "Pong/by=ours"}, r.names)
	for name, want := range map[string]int{"Ping/size=1/by=ours": 6, "Ping/size=1/by=peer-6": 6, "Pong/by=ours": 3} {
		v, err := r.values(name, seconds)
		require.NoError(t, err)
		assert.Len(t, v, want, name)
	}
	v, err := r.values("Ping/size=1/by=ours", cookieBytes)
	require.NoError(t, err)
	assert.Equal(t, []float64{42, 42, 42, 42, 42, 42}, v)
	for _, key := range []string{"date", "go", "cores", "goos", "goarch"} {
		assert.NotEmpty(t, r.setting(key), key)
	}

	// The rounds take turns: what is measured in a row comes between the first round and the second.
	var order []string
	for _, line := range regexp.MustCompile(`(?m)^Benchmark(\S+)-\d+ `).FindAllStringSubmatch(text, -1) {
		order = append(order, line[1])
	}
	ours, peer, pong := "Ping/size=1/by=ours", "Ping/size=1/by=peer-6", "Pong/by=ours"
	assert.Equal(t, []string{ours, peer, ours, peer, pong, pong, pong, ours, peer, ours, peer, ours, peer, ours, peer}, order)

	assert.NotContains(t, text, "secret")
	assert.NotContains(t, text, b.dir)
	if host, err := os.Hostname(); err == nil {
		assert.NotContains(t, text, host)
	}
}

func TestMeasureFails(t *testing.T) {
	b := module(t)
	for title, c := range map[string]struct {
		pattern string
		message string
	}{
		"a benchmark that fails":          {pattern("Broken"), "broken"},
		"a benchmark that does not exist": {pattern("Nothing"), "no such benchmark"},
	} {
		_, err := b.measure(context.Background(), []selection{{pkg: "two", title: "t", benchtime: "1x", patterns: []string{c.pattern}}})
		assert.ErrorContains(t, err, c.message, title)
	}
}
