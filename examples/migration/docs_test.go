package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	block  = regexp.MustCompile("(?s)\n```(go|js)\n(.*?)\n```\n")
	quoted = regexp.MustCompile("(?s)<!-- (\\S+) -->\n```(?:go|js)\n(.*?)\n```\n")
)

// The code in docs/migrate.md is that of the files it names. A line with an ellipsis stands for what is left out.
func TestQuotes(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "migrate.md"))
	require.NoError(t, err)
	quotes := quoted.FindAllStringSubmatch(string(page), -1)
	require.GreaterOrEqual(t, len(quotes), 10)
	assert.Len(t, quotes, len(block.FindAll(page, -1)), "every block names its file")
	for _, q := range quotes {
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(q[1])))
		require.NoError(t, err)
		rest := string(source)
		for part := range strings.SplitSeq(q[2], "\n…\n") {
			_, after, found := strings.Cut(rest, "\n"+part+"\n")
			assert.Truef(t, found, "%s does not have:\n%s", q[1], part)
			rest = "\n" + after
		}
	}
}
