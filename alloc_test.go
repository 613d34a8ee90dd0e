package hardtack_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// What a request that only reads allocates, beside what its handler does: with Get at most 8 times, and those of the decoded value,
// which are one here, for its text; with Handler around it 4 more, for the request's context and the header Vary.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool drop items, so pooled memory is allocated again; run without -race")
	}
	keys := hardtack.EphemeralKeyring()
	stateless := jrNew[jrData](t, hardtack.Config{Keys: keys})
	hybrid, err := hardtack.NewHybrid[jrData](hardtack.Config{Keys: keys}, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	s, _ := stateless.Get(r)
	s.Data.S = "ship's biscuit"
	_, err = stateless.Save(w, r, s)
	require.NoError(t, err)
	r.AddCookie(w.Result().Cookies()[0])
	for name, j := range map[string]*hardtack.Jar[jrData]{"stateless": stateless, "hybrid": hybrid} {
		get := testing.AllocsPerRun(1000, func() {
			if s, err := j.Get(r); err != nil || s.Data.S == "" {
				t.Error(err)
			}
		})
		assert.LessOrEqual(t, get, 8.0+1, name)
		null := &mwNull{http.Header{}}
		h := j.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s, err := j.From(r.Context()); err != nil || s.Data.S == "" {
				t.Error(err)
			}
			w.Write(mwOK)
		}))
		handler := testing.AllocsPerRun(1000, func() {
			clear(null.header)
			h.ServeHTTP(null, r)
		})
		assert.LessOrEqual(t, handler, 8.0+1+4, name)
	}
}
