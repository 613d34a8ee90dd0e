package hardtack_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack"
)

// mwBench are the Jars and sizes that are measured.
func mwBench(b *testing.B, f func(b *testing.B, jar *mwJar, r *http.Request)) {
	for _, mode := range []string{"stateless", "inline", "stored"} {
		for _, size := range []int{100, 1000} {
			b.Run(fmt.Sprintf("%s/%dB", mode, size), func(b *testing.B) {
				c := hardtack.Config{Keys: hardtack.EphemeralKeyring()}
				if mode == "stored" {
					c.Budget = hardtack.Budget{Inline: 256, LowWater: 1}
				}
				jar, err := hardtack.New[mwData](c)
				if mode != "stateless" {
					jar, err = hardtack.NewHybrid[mwData](c, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
				}
				if err != nil {
					b.Fatal(err)
				}
				r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
				s, _ := jar.Get(r)
				s.Data.Text = strings.Repeat("x", size)
				if _, err := jar.Save(w, r, s); err != nil {
					b.Fatal(err)
				}
				r.AddCookie(w.Result().Cookies()[0])
				b.ReportAllocs()
				b.ResetTimer()
				f(b, jar, r)
			})
		}
	}
}

// mwNull is a response that costs nothing.
type mwNull struct{ header http.Header }

func (w *mwNull) Header() http.Header         { return w.header }
func (w *mwNull) WriteHeader(int)             {}
func (w *mwNull) Write(b []byte) (int, error) { return len(b), nil }

var mwOK = []byte("ok")

func BenchmarkGet(b *testing.B) {
	mwBench(b, func(b *testing.B, jar *mwJar, r *http.Request) {
		for b.Loop() {
			if _, err := jar.Get(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSave(b *testing.B) {
	mwBench(b, func(b *testing.B, jar *mwJar, r *http.Request) {
		w := &mwNull{http.Header{}}
		s, err := jar.Get(r)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			s.Data.N++
			clear(w.header)
			if _, err := jar.Save(w, r, s); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func mwServe(b *testing.B, h http.Handler, r *http.Request) {
	w := &mwNull{http.Header{}}
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

func BenchmarkHandlerRead(b *testing.B) {
	mwBench(b, func(b *testing.B, jar *mwJar, r *http.Request) {
		mwServe(b, jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := jar.From(r.Context()); err != nil {
				b.Error(err)
			}
			w.Write(mwOK)
		})), r)
	})
}

func BenchmarkHandlerWrite(b *testing.B) {
	mwBench(b, func(b *testing.B, jar *mwJar, r *http.Request) {
		mwServe(b, jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := jar.From(r.Context())
			if err != nil {
				b.Error(err)
			}
			s.Data.N++
			w.Write(mwOK)
		})), r)
	})
}

// BenchmarkRequestFloor is the handler without a session.
func BenchmarkRequestFloor(b *testing.B) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	b.ReportAllocs()
	mwServe(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(mwOK) }), r)
}
