package format

import (
	"encoding/gob"
	"fmt"
	"net/http/httptest"
	"reflect"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

// newSecureCookie has a key for HMAC-SHA256 and one for AES-256, as its documentation recommends. It would refuse values of more than 4096
// bytes: here it may make them, so that they can be counted.
func newSecureCookie() *securecookie.SecureCookie {
	return securecookie.New(secret(1), secret(2)).MaxLength(0)
}

// gorillaGob is securecookie with its defaults: the struct itself in gob.
func gorillaGob[T any]() Format[T] {
	f := secureCookie[T](newSecureCookie())
	f.Name, f.Title = "gorilla-gob", "gorilla/securecookie, gob"
	return f
}

func gorillaJSON[T any]() Format[T] {
	f := secureCookie[T](newSecureCookie().SetSerializer(securecookie.JSONEncoder{}))
	f.Name, f.Title = "gorilla-json", "gorilla/securecookie, JSON"
	return f
}

func secureCookie[T any](codec *securecookie.SecureCookie) Format[T] {
	return Format[T]{
		Encrypts: true,
		Seal:     func(v *T) (string, error) { return codec.Encode(CookieName, v) },
		Open:     func(value string, v *T) error { return codec.Decode(CookieName, value, v) },
	}
}

// gorillaFields is gorilla/sessions with a key for each field, as most code that uses it has.
func gorillaFields[T any]() Format[T] {
	f := cookieStore(toValues[T], fromValues[T])
	f.Name, f.Title = "gorilla-fields", "gorilla/sessions, gob, a key for each field"
	f.Varies = true // gob cuts its stream where a type comes for the first time, which depends on the order of the map
	return f
}

// gorillaStruct is gorilla/sessions with one value.
func gorillaStruct[T any]() Format[T] {
	f := cookieStore(toValue[T], fromValue[T])
	f.Name, f.Title = "gorilla-struct", "gorilla/sessions, gob, one struct"
	return f
}

func cookieStore[T any](to func(*T) map[any]any, from func(map[any]any, *T) error) Format[T] {
	store := sessions.NewCookieStore(secret(1), secret(2))
	for _, c := range store.Codecs {
		c.(*securecookie.SecureCookie).MaxLength(0)
	}
	return Format[T]{
		Encrypts: true,
		Seal: func(v *T) (string, error) {
			r, w := NewRequest(""), httptest.NewRecorder()
			s, err := store.Get(r, CookieName)
			if err != nil {
				return "", err
			}
			s.Values = to(v)
			return SetValue(w, s.Save(r, w))
		},
		Open: func(value string, v *T) error {
			s, err := store.Get(NewRequest(value), CookieName)
			if err != nil {
				return err
			}
			return from(s.Values, v)
		},
	}
}

func toValues[T any](v *T) map[any]any {
	values := map[any]any{}
	for i, rv := 0, reflect.ValueOf(*v); i < rv.NumField(); i++ {
		field := rv.Field(i).Interface()
		gob.Register(field)
		values[rv.Type().Field(i).Tag.Get("json")] = field
	}
	return values
}

func fromValues[T any](values map[any]any, v *T) error {
	for i, rv := 0, reflect.ValueOf(v).Elem(); i < rv.NumField(); i++ {
		key := rv.Type().Field(i).Tag.Get("json")
		field := reflect.ValueOf(values[key])
		if !field.IsValid() || field.Type() != rv.Field(i).Type() {
			return fmt.Errorf("no %s in the session", key)
		}
		rv.Field(i).Set(field)
	}
	return nil
}

func toValue[T any](v *T) map[any]any {
	gob.Register(*v)
	return map[any]any{"session": *v}
}

func fromValue[T any](values map[any]any, v *T) (err error) {
	var ok bool
	if *v, ok = values["session"].(T); !ok {
		err = fmt.Errorf("no %T in the session", *v)
	}
	return err
}
