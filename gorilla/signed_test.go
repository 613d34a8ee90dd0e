package gorilla_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// signed returns a value as gorilla/securecookie signs it, with any time and content.
func signed(hash []byte, name, date, body string) string {
	mac := hmac.New(sha256.New, hash)
	mac.Write([]byte(name + "|" + date + "|" + body))
	return base64.URLEncoding.EncodeToString(append([]byte(date+"|"+body+"|"), mac.Sum(nil)...))
}
