package main

import (
	"io"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCountsVisits(t *testing.T) {
	handler, err := newHandler()
	require.NoError(t, err)
	server := httptest.NewTLSServer(handler)
	defer server.Close()
	client := server.Client()
	client.Jar, err = cookiejar.New(nil)
	require.NoError(t, err)

	for _, want := range []string{"Visit 1.\n", "Visit 2.\n", "Visit 3.\n"} {
		response, err := client.Get(server.URL)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, string(body))
	}
}
