package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDebugRuntime(t *testing.T) {
	get := func(p *process) *http.Response {
		response, err := http.Get(p.url + "/debug/runtime?gc=1")
		require.NoError(t, err)
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	keys := filepath.Join(t.TempDir(), "keys.json")
	assert.Equal(t, http.StatusNotFound, get(start(t, "-keys", keys, "-mode", "stateless")).StatusCode)

	response := get(start(t, "-keys", keys, "-mode", "stateless", "-debug-runtime"))
	require.Equal(t, http.StatusOK, response.StatusCode)
	var r runtimeReport
	require.NoError(t, json.NewDecoder(response.Body).Decode(&r))
	assert.Positive(t, r.Goroutines)
	assert.Positive(t, r.LiveHeap)
}
