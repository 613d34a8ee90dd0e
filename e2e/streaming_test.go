package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// A stream of server-sent events sets the session's cookie with its header; the browser
// has it while the stream goes on, and events arrive one by one.
func TestServerSentEvents(t *testing.T) {
	var heard observed
	jar := newHybridJar(t, hardtack.Config{Observer: heard.observer()})
	next := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><title>events</title>")
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		s.Data.Visits++
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 1; ; i++ {
			if _, err := fmt.Fprintf(w, "data: %d of %s\n\n", i, s.ID()); err != nil {
				return
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
		s, err := jar.From(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, "%d of %s", s.Data.Visits, s.ID())
	})
	srv := serve(t, jar.Handler(mux))
	b := startBrowser(t)
	b.do(chromedp.Navigate(onLocalhost(t, srv.URL)))
	status, _ := b.fetch("/who")
	require.Equal(t, http.StatusUnauthorized, status)

	// received promises the next event.
	const received = `new Promise((resolve, reject) => {
		const look = () => window.got.length ? resolve(window.got.shift()) : setTimeout(look, 5);
		window.source.onerror = () => reject(new Error("the stream broke"));
		look();
	})`
	eval[bool](b, `(() => {
		window.got = [];
		window.source = new EventSource("/events");
		window.source.onmessage = (e) => window.got.push(e.data);
		return true;
	})()`)
	first := eval[string](b, received)
	require.Regexp(t, `^1 of \S{22}$`, first)

	status, who := b.fetch("/who") // the stream is still open
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, first, who, "one visit, of the session that the stream began")

	for i := 2; i <= 4; i++ {
		select {
		case next <- struct{}{}:
		case <-time.After(20 * time.Second):
			require.FailNow(t, "the stream has ended")
		}
		assert.Equal(t, fmt.Sprintf("%d%s", i, first[1:]), eval[string](b, received))
	}
	eval[bool](b, `(window.source.close(), true)`)
	assert.Zero(t, heard.lateChanges())

	// The next stream is of the same session, and counts on.
	eval[bool](b, `(window.source = new EventSource("/events"), window.source.onmessage = (e) => window.got.push(e.data), true)`)
	assert.Equal(t, first, eval[string](b, received))
	_, who = b.fetch("/who")
	assert.Equal(t, "2"+first[1:], who)
	eval[bool](b, `(window.source.close(), true)`)
}

// 103 is not the response: the session can be changed after it, and its cookie
// comes with the final one.
func TestEarlyHints(t *testing.T) {
	var heard observed
	jar := newHybridJar(t, hardtack.Config{Observer: heard.observer()})
	srv := serve(t, jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		for _, file := range []string{"style.css", "app.js"} {
			w.Header().Add("Link", "</"+file+">; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Del("Link")
		s.Data.Visits++ // after the hints
		fmt.Fprint(w, s.Data.Visits)
	})))

	var hints []textproto.MIMEHeader
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			assert.Equal(t, http.StatusEarlyHints, code)
			hints = append(hints, header)
			return nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
	require.NoError(t, err)
	resp, err := srv.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()

	require.Len(t, hints, 2)
	assert.Len(t, hints[0]["Link"], 1)
	assert.Len(t, hints[1]["Link"], 2)
	for _, h := range hints {
		assert.Empty(t, h["Set-Cookie"])
	}
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Len(t, sessionCookies(resp), 1)
	assert.Zero(t, heard.lateChanges())
}
