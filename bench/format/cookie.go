package format

import (
	"fmt"
	"net/http"
	"net/http/httptest"
)

// NewRequest returns a request that presents the cookie, if value is not empty.
func NewRequest(value string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://shop.example/", nil)
	if value != "" {
		r.AddCookie(&http.Cookie{Name: CookieName, Value: value})
	}
	return r
}

// SetValue returns the value of the cookie that w sets, or err.
func SetValue(w *httptest.ResponseRecorder, err error) (string, error) {
	if err != nil {
		return "", err
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != CookieName {
		return "", fmt.Errorf("%d cookies were set", len(cookies))
	}
	return cookies[0].Value, nil
}
