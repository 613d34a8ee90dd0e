package webtest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Browser is a client with a cookie jar.
type Browser struct {
	URL    string
	client *http.Client
}

// Serve serves the handler over TLS and returns a Browser for it.
func Serve(t *testing.T, handler http.Handler) *Browser {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that Close cuts off
	server.StartTLS()
	t.Cleanup(server.Close)
	return (&Browser{URL: server.URL, client: server.Client()}).Another(t)
}

// Another returns somebody else's Browser, without cookies.
func (b *Browser) Another(t *testing.T) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &Browser{b.URL, &http.Client{Jar: jar, Transport: b.client.Transport}}
}

// Do sends a request, with a form that consists of pairs of a name and a value, and follows the way that the answer tells.
func (b *Browser) Do(t *testing.T, method, path string, form ...string) (status int, v View) {
	t.Helper()
	status, v, err := b.do(method, path, form...)
	require.NoError(t, err)
	return status, v
}

// Read sends a GET request that succeeds, and decodes the JSON of its answer into v.
func (b *Browser) Read(t *testing.T, path string, v any) {
	t.Helper()
	status, err := b.send(v, "GET", path)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
}

// do is Do, for any goroutine.
func (b *Browser) do(method, path string, form ...string) (status int, v View, err error) {
	status, err = b.send(&v, method, path, form...)
	return status, v, err
}

// send decodes the answer into v if its status is 200.
func (b *Browser) send(v any, method, path string, form ...string) (status int, err error) {
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	request, err := http.NewRequest(method, b.URL+path, strings.NewReader(values.Encode()))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := b.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		_, err = io.Copy(io.Discard, response.Body)
		return response.StatusCode, err
	}
	return response.StatusCode, json.NewDecoder(response.Body).Decode(v)
}

// OK is Do for a request that succeeds.
func (b *Browser) OK(t *testing.T, method, path string, form ...string) View {
	t.Helper()
	status, v := b.Do(t, method, path, form...)
	require.Equal(t, http.StatusOK, status, "%s %s", method, path)
	return v
}

// Cookie returns the cookie of this name, nil if there is none.
func (b *Browser) Cookie(t *testing.T, name string) *http.Cookie {
	t.Helper()
	at, err := url.Parse(b.URL)
	require.NoError(t, err)
	for _, c := range b.client.Jar.Cookies(at) {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// SetCookie gives the Browser a cookie.
func (b *Browser) SetCookie(t *testing.T, name, value string) {
	t.Helper()
	at, err := url.Parse(b.URL)
	require.NoError(t, err)
	b.client.Jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: at.Scheme == "https"}})
}

// Note returns n random characters, which no compression could shrink much.
func Note(n int) string {
	random := make([]byte, n)
	rand.Read(random)
	return base64.RawURLEncoding.EncodeToString(random)[:n]
}
