package format

import (
	"encoding/base64"
	"errors"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// expiring is what an application puts around its data if the format knows of no end.
type expiring[T any] struct {
	Expires int64 `cbor:"1,keyasint"`
	Data    *T    `cbor:"2,keyasint"` // the caller's, so that there is no copy
}

// tinkCBOR is an AEAD of tink-go by its AES256_GCM template, which puts the ID of the key before what it seals, around CBOR. It has no identity and no subject.
func tinkCBOR[T any](now func() time.Time) Format[T] {
	f := Format[T]{Name: "tink-cbor", Title: "tink AEAD, AES256_GCM, CBOR", Encrypts: true}
	options := cbor.CoreDetEncOptions()
	options.Time = cbor.TimeRFC3339Nano // the default is whole seconds, which come back in another zone
	encoder, err1 := options.EncMode()
	handle, err2 := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err := errors.Join(err1, err2); err != nil {
		return failing(f, err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return failing(f, err)
	}
	name := []byte(CookieName)
	// As in hardtackValue, whatever a caller can use again is used again. tink has no function that takes a buffer.
	var (
		e            expiring[T]
		text, sealed []byte
	)
	f.Seal = func(v *T) (string, error) {
		e = expiring[T]{now().Add(lifetime).Unix(), v}
		data, err := encoder.Marshal(&e)
		if err != nil {
			return "", err
		}
		sealed, err := primitive.Encrypt(data, name)
		text = base64.RawURLEncoding.AppendEncode(text[:0], sealed)
		return string(text), err
	}
	f.Open = func(value string, v *T) (err error) {
		text = append(text[:0], value...)
		if sealed, err = base64.RawURLEncoding.AppendDecode(sealed[:0], text); err != nil {
			return err
		}
		data, err := primitive.Decrypt(sealed, name)
		if err != nil {
			return err
		}
		e = expiring[T]{Data: v}
		if err := cbor.Unmarshal(data, &e); err != nil {
			return err
		}
		if now().Unix() > e.Expires {
			*v = *new(T)
			return errors.New("the session has expired")
		}
		return nil
	}
	return f
}
