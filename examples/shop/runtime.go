package main

import (
	"net/http"
	"runtime"
	"runtime/metrics"
)

// runtimeReport is the answer of /debug/runtime.
type runtimeReport struct {
	Goroutines int    `json:"goroutines"`
	LiveHeap   uint64 `json:"live_heap_bytes"` // what the last garbage collection has left
}

// withRuntime adds /debug/runtime to the shop, which with gc=1 collects the garbage first.
func withRuntime(shop http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", shop)
	mux.HandleFunc("GET /debug/runtime", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("gc") == "1" {
			runtime.GC()
		}
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		reply(w, http.StatusOK, runtimeReport{runtime.NumGoroutine(), live[0].Value.Uint64()})
	})
	return mux
}
