package doctable

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReplace(t *testing.T) {
	text := "before\n<!-- a -->\nold\n<!-- /a -->\nbetween\n<!-- b -->\n<!-- /b -->\n"
	text, err := Replace(text, "a", "| new |\n")
	require.NoError(t, err)
	text, err = Replace(text, "b", "| b |\n")
	require.NoError(t, err)
	assert.Equal(t, "before\n<!-- a -->\n| new |\n<!-- /a -->\nbetween\n<!-- b -->\n| b |\n<!-- /b -->\n", text)

	again, err := Replace(text, "a", "| new |\n")
	require.NoError(t, err)
	assert.Equal(t, text, again)
}

func TestReplaceNeedsBothMarkers(t *testing.T) {
	_, err := Replace("text\n", "a", "table\n")
	require.ErrorIs(t, err, ErrNoMarker)
	_, err = Replace("<!-- a -->\nold\n", "a", "table\n")
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNoMarker)
}
