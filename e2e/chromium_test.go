package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// browser is a tab of a Chromium with a profile of its own.
type browser struct {
	t   *testing.T
	ctx context.Context
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	path := program(t, "chromium", "chromium", "google-chrome", "google-chrome-stable")
	// Not t.Context(), which ends before the browser has been closed.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	// Without a UserDataDir, chromedp makes a fresh one and removes it.
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Headless,
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.WindowSize(1280, 860),
	)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	// Messages of a newer Chromium than the library knows are no fault.
	said := &output{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(said)
		}
	})
	ctx, closeTab := chromedp.NewContext(ctx, chromedp.WithErrorf(func(format string, args ...any) {
		fmt.Fprintf(said, "chromedp: "+format+"\n", args...)
	}))
	t.Cleanup(closeTab)
	b := &browser{t, ctx}
	b.do()
	return b
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, steps...))
}

// run returns what the action comes to.
func run[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, action)
	require.NoError(b.t, err)
	return v
}

// eval returns what the expression, or its promise, comes to.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// fetch returns the status and the text of a request by a script of the page.
func (b *browser) fetch(path string) (int, string) {
	b.t.Helper()
	answer := eval[struct {
		Status int
		Text   string
	}](b, fmt.Sprintf(`fetch(%q).then(async (r) => ({ Status: r.status, Text: await r.text() }))`, path))
	return answer.Status, answer.Text
}

// cookies returns all that the browser has, also those that scripts cannot read.
func (b *browser) cookies() []*network.Cookie {
	b.t.Helper()
	all, err := chromedp.Call(b.ctx, storage.GetCookies, storage.GetCookiesParams{})
	require.NoError(b.t, err)
	return all.Cookies
}

// What the browser does with 4096 and with 4097 bytes, without hardtack: the
// reason for everything else.
func TestChromiumKeepsTheOldCookiePast4096(t *testing.T) {
	const name = "plain"
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html><title>cookies</title>") })
	mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("bytes"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header()["Set-Cookie"] = []string{name + "=" + strings.Repeat(r.FormValue("fill"), n-len(name)) + "; Path=/; HttpOnly" + r.FormValue("and")}
	})
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(name)
		if err != nil {
			fmt.Fprint(w, "none")
			return
		}
		fmt.Fprintf(w, "%d of %s", len(c.Name)+len(c.Value), c.Value[:1])
	})
	srv := serve(t, mux)
	b := startBrowser(t)
	b.do(chromedp.Navigate(onLocalhost(t, srv.URL)))

	for _, step := range []struct{ set, want string }{
		{"bytes=4096&fill=a", "4096 of a"},
		{"bytes=4096&fill=b", "4096 of b"},
		{"bytes=4097&fill=c", "4096 of b"}, // silence, and the old one
		{"bytes=4097&fill=c&and=;Max-Age=0", "4096 of b"},
		{"bytes=4095&fill=d", "4095 of d"},
		{"bytes=6&fill=e&and=;Max-Age=0", "none"},
	} {
		status, _ := b.fetch("/set?" + strings.ReplaceAll(step.set, ";", "%3B"))
		require.Equal(t, http.StatusOK, status)
		_, got := b.fetch("/get")
		assert.Equal(t, step.want, got, "after %s", step.set)
	}
}

func TestChromiumTakesWhatTheJarAllows(t *testing.T) {
	jar, pad := exactJar(t)
	srv := serve(t, saveHandler(jar))
	b := startBrowser(t)
	b.do(chromedp.Navigate(onLocalhost(t, srv.URL)))

	save := func(n int) (status int, answer saved) {
		t.Helper()
		status, text := b.fetch(fmt.Sprintf("/?pad=%d", n))
		require.NoError(t, json.Unmarshal([]byte(text), &answer), text)
		return status, answer
	}
	kept := func() string {
		t.Helper()
		status, text := b.fetch("/")
		require.Equal(t, http.StatusOK, status, text)
		return text
	}

	status, answer := save(pad)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, saved{Where: "cookie", CookieBytes: browserLimit}, answer)
	assert.Equal(t, strconv.Itoa(pad), kept(), "4096 bytes come back")

	all := b.cookies()
	require.Len(t, all, 1)
	assert.Equal(t, browserLimit, len(all[0].Name)+len(all[0].Value), "as the browser counts them")

	status, answer = save(pad + 1)
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
	assert.Equal(t, saved{Where: "none", CookieBytes: browserLimit + 1, Over: 1}, answer)
	assert.Equal(t, strconv.Itoa(pad), kept(), "the old session is intact")

	status, _ = save(pad - 100)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, strconv.Itoa(pad-100), kept())
}

func TestChromiumTakesHostPrefixOnLocalhost(t *testing.T) {
	for _, host := range []string{"localhost", "127.0.0.1"} {
		t.Run(host, func(t *testing.T) {
			jar := newJar(t, hardtack.Config{})
			srv := serve(t, jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					http.NotFound(w, r)
					return
				}
				s, err := jar.From(r.Context())
				known := "known"
				if err != nil {
					known = err.Error()
				}
				s.Data.Visits++
				fmt.Fprintf(w, "<!doctype html><title>visits</title><p id=visits>%d, %s</p>", s.Data.Visits, known)
			})))
			address := srv.URL
			if host == "localhost" {
				address = onLocalhost(t, srv.URL)
			}
			b := startBrowser(t)
			for visit, want := range []string{"1, " + hardtack.ErrNoCookie.Error(), "2, known", "3, known"} {
				b.do(chromedp.Navigate(address))
				got := run(b, chromedp.Text(chromedp.CSS("#visits")))
				assert.Equal(t, want, got, "visit %d", visit+1)
			}
			assert.Empty(t, eval[string](b, "document.cookie"), "scripts do not see it")

			all := b.cookies()
			require.Len(t, all, 1)
			c := all[0]
			assert.Equal(t, "__Host-session", c.Name)
			assert.Equal(t, "/", c.Path)
			assert.True(t, c.Secure)
			assert.True(t, c.HTTPOnly)
			assert.Equal(t, network.CookieSameSiteLax, c.SameSite)
			assert.InDelta(t, time.Now().Add(24*time.Hour).Unix(), c.Expires, 60)
		})
	}
}

// ---- the shop's page ----

// shopPage is the page in a browser.
type shopPage struct{ *browser }

func (p shopPage) settle() {
	p.t.Helper()
	p.do(chromedp.Poll[chromedp.Void](`document.body.dataset.ready === "true" && document.body.dataset.busy !== "true"`,
		chromedp.WithPollingInterval(10*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second)))
}

// click clicks and waits for what comes of it.
func (p shopPage) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
	p.settle()
}

func (p shopPage) where() string {
	p.t.Helper()
	return eval[string](p.browser, `document.querySelector("#where").dataset.where`)
}

func (p shopPage) number(selector string) int {
	p.t.Helper()
	text := eval[string](p.browser, fmt.Sprintf(`document.querySelector(%q).textContent`, selector))
	n, err := strconv.Atoi(strings.TrimSpace(text))
	require.NoError(p.t, err)
	return n
}

func (p shopPage) state() (s shopState) {
	p.t.Helper()
	status, text := p.fetch("/api/session")
	require.Equal(p.t, http.StatusOK, status, text)
	require.NoError(p.t, json.Unmarshal([]byte(text), &s))
	return s
}

func TestShopPage(t *testing.T) {
	address := onLocalhost(t, startShop(t))
	p := shopPage{startBrowser(t)}
	p.do(chromedp.EmulateViewport(1280, 860))
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-reduced-motion", Value: "reduce"},
			{Name: "prefers-color-scheme", Value: "light"},
		},
	})
	require.NoError(t, err)
	p.do(chromedp.Navigate(address))
	p.settle()
	require.Equal(t, "none", p.where())
	require.Zero(t, p.number("#items"))

	// Out to the store.
	items := 0
	for p.where() != "store" {
		require.Less(t, items, 200, "the cart does not overflow")
		if items%3 == 2 {
			p.click("#add-crate")
			items += 5
		} else {
			p.click("#add-small")
			items++
		}
		require.Equal(t, items, p.number("#items"))
		if p.where() == "cookie" {
			require.LessOrEqual(t, p.number("#cookie-bytes"), 3072)
		}
	}
	assert.Greater(t, items, 8)
	assert.Less(t, p.number("#cookie-bytes"), 512, "the cookie is a reference")
	p.click("#add-crate")
	p.click("#add-crate")
	items += 10
	assert.Equal(t, "store", p.where())

	// A reload finds everything as it was.
	before := p.state()
	p.do(chromedp.Reload())
	p.settle()
	assert.Equal(t, "store", p.where())
	assert.Equal(t, items, p.number("#items"))
	assert.Equal(t, before.ID, p.state().ID)

	// A login changes the identity and nothing else.
	p.do(chromedp.SendKeys(chromedp.CSS("#login-name"), "Anna"))
	p.click("#login")
	assert.Equal(t, "Anna", eval[string](p.browser, `document.querySelector("#user").textContent`))
	after := p.state()
	assert.Equal(t, "Anna", after.User)
	assert.NotEqual(t, before.ID, after.ID)
	assert.Equal(t, items, after.Items)
	assert.Equal(t, "store", p.where())

	// And back into the cookie.
	for p.where() == "store" {
		require.Positive(t, items, "the session does not return")
		p.click("#remove-one")
		items--
		require.Equal(t, items, p.number("#items"))
	}
	assert.Equal(t, "cookie", p.where())
	assert.Positive(t, items)
	assert.LessOrEqual(t, p.number("#cookie-bytes"), 3072*3/4)
	for range 3 {
		p.do(chromedp.Sleep(300 * time.Millisecond)) // as a person would; the page measures how long the answer takes
		p.click("#add-small")
		items++
	}
	screenshot(p)
	p.do(chromedp.Reload())
	p.settle()
	assert.Equal(t, "cookie", p.where())
	assert.Equal(t, items, p.number("#items"))
	assert.Equal(t, after.ID, p.state().ID)

	p.click("#empty-cart")
	assert.Zero(t, p.number("#items"))
	assert.Equal(t, "cookie", p.where(), "somebody is still logged in")
	p.click("#logout")
	assert.Equal(t, "none", p.where())
	last := p.state()
	assert.Empty(t, last.User)
	assert.True(t, last.New)
	assert.NotEqual(t, after.ID, last.ID)
}

// screenshot takes the README's picture: into docs/ if HARDTACK_SCREENSHOT is
// set, else only to see that there is something in it.
func screenshot(p shopPage) {
	p.t.Helper()
	// Nothing is under the mouse, nothing has the focus.
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, 640, 4),
		chromedp.Evaluate[chromedp.Void](`window.scrollTo(0, 0); document.activeElement?.blur()`))
	picture := run(p.browser, chromedp.CaptureScreenshot())
	path := filepath.Join(p.t.TempDir(), "shop.png")
	if os.Getenv("HARDTACK_SCREENSHOT") != "" {
		path = filepath.Join("..", "docs", "shop.png")
	}
	require.NoError(p.t, os.WriteFile(path, picture, 0o644))
	img, err := png.Decode(bytes.NewReader(picture))
	require.NoError(p.t, err)
	assert.Equal(p.t, 1280, img.Bounds().Dx())
	assert.Equal(p.t, 860, img.Bounds().Dy())
	colours := map[[4]uint32]bool{}
	for y := 0; y < 860; y += 3 {
		for x := 0; x < 1280; x += 3 {
			r, g, b, a := img.At(x, y).RGBA()
			colours[[4]uint32{r, g, b, a}] = true
		}
	}
	assert.Greater(p.t, len(colours), 50, "a page of one colour is no picture")
	assert.Less(p.t, len(picture), 300_000)
}
