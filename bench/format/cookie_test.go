package format_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/hardtack-go/hardtack/bench/format"
)

func TestSetValue(t *testing.T) {
	w := httptest.NewRecorder()
	_, err := format.SetValue(w, nil)
	assert.Error(t, err, "no cookie")
	http.SetCookie(w, &http.Cookie{Name: "another", Value: "x"})
	_, err = format.SetValue(w, nil)
	assert.Error(t, err, "another cookie")
}
