package main

import (
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2/memstore"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/migration/gorillaapp"
	"github.com/hardtack-go/hardtack/examples/migration/jwtapp"
	"github.com/hardtack-go/hardtack/examples/migration/scsapp"
	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

// sealed is hardtack's own format.
const sealed = "sealed"

// swap is an application, and how it comes to hardtack.
type swap struct {
	name   string
	format string // of the old application's cookies
	old    http.Handler
	steps  []deploy // the last one is without the old format
	// endsCopies: a copy of an old cookie is refused as soon as its session has ended.
	endsCopies bool
	// bad are cookies of the old format that are to be refused: some have expired, some are forged.
	bad []*http.Cookie
}

// how is the way in which servers are replaced.
type how string

const (
	// rolling: one after another, and any server may answer anybody.
	rolling how = "rolling"
	// mixed: as rolling, but old and new servers stand side by side for as long as they can.
	mixed how = "mixed"
	// sticky: one after another, and a request with hardtack's cookie goes to none that does not know it.
	sticky how = "sticky"
	// atOnce: from one moment on the new servers answer, and the old ones only end what they have begun.
	atOnce how = "at once"
)

// deploy is a release that takes the place of the one before.
type deploy struct {
	name string
	how  how
	own  string // the format that it writes
	// start makes the handler of one server, and what tells its FormerUse, if anything does.
	start func(hardtack.Observer) (http.Handler, func() []hardtack.FormerUse, error)
}

// open makes the Jar of one server.
type open func(*hardtack.Keyring, hardtack.Observer) (*hardtack.Jar[shop.Account], error)

// jars is a deploy of the shop on such Jars. Its servers have the same key, and each a ring of its own.
func jars(name string, how how, own string, key hardtack.Key, open open) deploy {
	return deploy{name, how, own, func(metrics hardtack.Observer) (http.Handler, func() []hardtack.FormerUse, error) {
		ring, err := hardtack.NewKeyring(key)
		if err != nil {
			return nil, nil, err
		}
		jar, err := open(ring, metrics)
		if err != nil {
			return nil, nil, err
		}
		return shop.Handler(jar), jar.FormerUse, nil
	}}
}

// swaps are all of them.
func swaps() []swap { return []swap{gorillaSwap(), storeSwap(), jwtSwap(), scsSwap()} }

func newKey() hardtack.Key { return hardtack.GenerateKey(time.Now().Add(-time.Minute), time.Time{}) }

// gorillaSwap goes in two deploys: servers of gorilla/sessions never see a cookie that they cannot read.
func gorillaSwap() swap {
	key, hashKey, blockKey := newKey(), random(64), random(32)
	return swap{
		name:   "gorilla/sessions, a typed Jar",
		format: "gorilla",
		old:    gorillaapp.Before(hashKey, blockKey),
		bad:    badGorilla(hashKey, blockKey),
		steps: []deploy{
			jars("first deploy", rolling, "gorilla", key, func(k *hardtack.Keyring, o hardtack.Observer) (*hardtack.Jar[shop.Account], error) {
				return gorillaapp.First(k, o, hashKey, blockKey)
			}),
			jars("second deploy", rolling, sealed, key, func(k *hardtack.Keyring, o hardtack.Observer) (*hardtack.Jar[shop.Account], error) {
				return gorillaapp.Second(k, o, hashKey, blockKey)
			}),
			jars("without gorilla", rolling, sealed, key, gorillaapp.Last),
		},
	}
}

// storeSwap changes the store of gorilla/sessions and nothing else, in two deploys as well.
func storeSwap() swap {
	key, hashKey, blockKey := newKey(), random(64), random(32)
	with := func(writeOld bool, oldKeyPairs ...[]byte) func(hardtack.Observer) (http.Handler, func() []hardtack.FormerUse, error) {
		return func(metrics hardtack.Observer) (http.Handler, func() []hardtack.FormerUse, error) {
			ring, err := hardtack.NewKeyring(key)
			if err != nil {
				return nil, nil, err
			}
			store, err := gorillaapp.NewStore(ring, metrics, writeOld, oldKeyPairs...)
			if err != nil {
				return nil, nil, err
			}
			use := func() []hardtack.FormerUse { return []hardtack.FormerUse{store.FormerUse()} }
			if len(oldKeyPairs) == 0 {
				use = nil
			}
			return gorillaapp.With(store), use, nil
		}
	}
	return swap{
		name:   "gorilla/sessions, another Store",
		format: "gorilla",
		old:    gorillaapp.Before(hashKey, blockKey),
		bad:    badGorilla(hashKey, blockKey),
		steps: []deploy{
			{"first deploy", rolling, "gorilla", with(true, hashKey, blockKey)},
			{"second deploy", rolling, sealed, with(false, hashKey, blockKey)},
			{"without gorilla", rolling, sealed, with(false)},
		},
	}
}

// jwtSwap and scsSwap go in one deploy to another cookie. A server of the old application would take its holder for nobody.
func jwtSwap() swap {
	key, secret := newKey(), random(32)
	return swap{
		name:   "a JWT by golang-jwt",
		format: "jwt",
		old:    jwtapp.Before(secret),
		bad:    badJWT(secret),
		steps: []deploy{
			jars("deploy", sticky, sealed, key, func(k *hardtack.Keyring, o hardtack.Observer) (*hardtack.Jar[shop.Account], error) {
				return jwtapp.After(k, o, secret)
			}),
			jars("without JWTs", rolling, sealed, key, jwtapp.Last),
		},
	}
}

func scsSwap() swap {
	key, store := newKey(), memstore.NewWithCleanupInterval(0)
	return swap{
		name:       "alexedwards/scs",
		format:     "scs",
		old:        scsapp.Before(store),
		endsCopies: true,
		bad:        badSCS(store),
		steps: []deploy{
			jars("deploy", sticky, sealed, key, func(k *hardtack.Keyring, o hardtack.Observer) (*hardtack.Jar[shop.Account], error) {
				return scsapp.After(k, o, store)
			}),
			jars("without scs", rolling, sealed, key, func(k *hardtack.Keyring, o hardtack.Observer) (*hardtack.Jar[shop.Account], error) {
				return scsapp.Last(k, o, store)
			}),
		},
	}
}
