package main

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkout returns a folder with documents, and with the results given.
func checkout(t *testing.T, texts map[string]string) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{"README.md": "", "docs/tradeoffs.md": "", "docs/rotation.md": ""}
	maps.Copy(files, texts)
	for path, text := range files {
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}

func TestRender(t *testing.T) {
	root := checkout(t, map[string]string{
		directory + "/quick.txt": madeUp(), directory + "/full.txt": madeUp(),
		"README.md":        "before\n<!-- bench:cores -->\nold\n<!-- /bench:cores -->\nafter\n",
		"docs/rotation.md": "<!-- bench:growth-keys -->\n<!-- /bench:growth-keys -->\n",
	})
	files, err := render(root)
	require.NoError(t, err)
	want := []string{"README.md", "docs/rotation.md"}
	for _, name := range []string{"README.md", "full.md", "ratios.json"} {
		want = append(want, directory+"/"+name)
	}
	for _, d := range drawings {
		want = append(want, directory+"/"+d.name+".svg")
	}
	assert.ElementsMatch(t, want, slices.Collect(maps.Keys(files)), "tradeoffs.md has no place for a table")
	assert.Regexp(t, `^before\n<!-- bench:cores -->\n\| contender \| read \| write \|\n(?:\|.*\|\n){7}<!-- /bench:cores -->\nafter\n$`, files["README.md"])
	assert.Contains(t, files["docs/rotation.md"], "| oldest, `hardtack` | 1.00 | 1.00 | 1.00 |")

	readme := files[directory+"/README.md"]
	assert.Less(t, strings.Index(readme, "## The machine"), strings.Index(readme, "## Targets"))
	assert.Contains(t, readme, "| github.com/gorilla/sessions | v1.4.0 | v1.4.0 |")
	for _, d := range drawings {
		assert.Contains(t, readme, "]("+d.name+".svg)")
	}
	assert.NotContains(t, readme, "NaN")
	assert.NotContains(t, readme, "%!")
	assert.Contains(t, files[directory+"/full.md"], "| shape=form, size=large, op=open |")
	assert.Contains(t, files[directory+"/full.md"], "| via=loopback, op=read, clients=8 | 70.0 µs | 70.0 µs |")
	assert.Contains(t, files[directory+"/full.md"], "## Shapes\n\nTime over that of `hardtack-stateless`:")

	// Nothing but the files goes into it: the order of a map does not, nor the time.
	again, err := render(root)
	require.NoError(t, err)
	assert.Equal(t, files, again)

	// What it has written changes nothing of what it writes.
	require.NoError(t, renderInto(root))
	again, err = render(root)
	require.NoError(t, err)
	assert.Equal(t, files, again)
}

// Without the long run there is everything but the whole matrix.
func TestRenderQuickAlone(t *testing.T) {
	files, err := render(checkout(t, map[string]string{directory + "/quick.txt": madeUp()}))
	require.NoError(t, err)
	assert.Contains(t, files, directory+"/growth-live.svg")
	assert.NotContains(t, files, directory+"/full.md")
	assert.NotContains(t, files[directory+"/README.md"], "From [full.txt]")
}

// What was not measured is left out, and nothing is drawn of it.
func TestReadmeOfLittle(t *testing.T) {
	r := parsed(t, small)
	drawn, err := drawAll(r, r)
	require.NoError(t, err)
	assert.Empty(t, drawn)
	text, err := readme(r, r)
	require.NoError(t, err)
	assert.NotContains(t, text, ".svg")
	assert.Contains(t, text, "not measured")
}

// ratios.json without one of the figures would guard it no more, and nobody would notice.
func TestRenderNeedsEveryFigure(t *testing.T) {
	_, err := render(checkout(t, map[string]string{directory + "/quick.txt": small}))
	require.ErrorContains(t, err, "cookie-bytes/login/medium/hardtack-cbor")

	const cell = "BenchmarkSeal/bytes=500/by=hardtack-2 "
	_, err = render(checkout(t, map[string]string{directory + "/quick.txt": strings.ReplaceAll(madeUp(), cell, "BenchmarkOther/by=hardtack-2 ")}))
	require.ErrorContains(t, err, `"seal/500"`)
	require.NotContains(t, err.Error(), "seal/100")
}

func TestUnknownMarker(t *testing.T) {
	for _, marker := range []string{"<!-- bench:xyz -->", "<!-- /bench:xyz -->", "<!-- bench:cores-too -->"} {
		_, err := render(checkout(t, map[string]string{directory + "/quick.txt": madeUp(), "docs/rotation.md": "text\n" + marker + "\n"}))
		require.ErrorContains(t, err, "docs/rotation.md: there is no table for "+marker)
	}
}

// What was measured is there, and so is what follows from it, whatever fails afterwards.
func TestKeepComesFirst(t *testing.T) {
	root := checkout(t, nil)
	failed := errors.New("no profile")
	require.ErrorIs(t, keep(root, "quick.txt", madeUp(), func() error { return failed }), failed)
	for _, name := range []string{"quick.txt", "README.md", "ratios.json"} {
		assert.FileExists(t, filepath.Join(root, directory, name))
	}

	root = checkout(t, nil)
	require.Error(t, keep(root, "quick.txt", small, func() error {
		t.Error("after a failure nothing more is done")
		return nil
	}))
	assert.FileExists(t, filepath.Join(root, directory, "quick.txt"))
}

func TestRenderOfNothing(t *testing.T) {
	_, err := render(checkout(t, nil))
	require.ErrorContains(t, err, "quick.txt")
}

func TestMarkerWithoutEnd(t *testing.T) {
	_, err := render(checkout(t, map[string]string{directory + "/quick.txt": madeUp(), "README.md": "<!-- bench:cores -->\n"}))
	require.ErrorContains(t, err, "README.md")
}

// The committed documents are what follows from the committed measurements.
func TestDocumentsAreCurrent(t *testing.T) {
	const root = "../.."
	if _, err := os.Stat(filepath.Join(root, directory, "quick.txt")); os.IsNotExist(err) {
		t.Skip("docs/benchmarks/quick.txt is not there yet: make bench writes it")
	}
	files, err := render(root)
	require.NoError(t, err)
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root, path))
		if assert.NoError(t, err) {
			assert.True(t, want == string(got), "%s is not current: go run ./report render in bench/ writes it", path)
		}
	}
	entries, err := os.ReadDir(filepath.Join(root, directory))
	require.NoError(t, err)
	for _, e := range entries {
		_, rendered := files[directory+"/"+e.Name()]
		measured := slices.Contains([]string{"quick.txt", "full.txt", "profiles.md"}, e.Name())
		assert.True(t, rendered || measured, "nothing writes %s any more", e.Name())
	}
}
