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
	Data    T     `cbor:"2,keyasint"`
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
	f.Seal = func(v *T) (string, error) {
		data, err := encoder.Marshal(&expiring[T]{now().Add(lifetime).Unix(), *v})
		if err != nil {
			return "", err
		}
		sealed, err := primitive.Encrypt(data, name)
		return base64.RawURLEncoding.EncodeToString(sealed), err
	}
	f.Open = func(value string, v *T) error {
		sealed, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil {
			return err
		}
		data, err := primitive.Decrypt(sealed, name)
		if err != nil {
			return err
		}
		var e expiring[T]
		if err := cbor.Unmarshal(data, &e); err != nil {
			return err
		}
		if now().Unix() > e.Expires {
			return errors.New("the session has expired")
		}
		*v = e.Data
		return nil
	}
	return f
}
