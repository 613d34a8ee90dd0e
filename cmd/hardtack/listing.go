package main

import (
	"time"

	"github.com/hardtack-go/hardtack"
)

// listing is what keys list says.
type listing struct {
	At     time.Time   `json:"at"`
	Retain string      `json:"retain,omitempty"`
	Keys   []listedKey `json:"keys"`
}

// listedKey is a key of a listing. Times that are not known, or will not come, are left out.
type listedKey struct {
	ID    hardtack.KeyID    `json:"id"`
	State hardtack.KeyState `json:"state"`
	// Secret is how the secret is there: "clear", "wrapped" or "gone".
	Secret     string    `json:"secret"`
	Created    time.Time `json:"created,omitzero"`
	Activate   time.Time `json:"activate,omitzero"`
	SealsUntil time.Time `json:"seals_until,omitzero"`
	Retire     time.Time `json:"retire,omitzero"`
	Unneeded   time.Time `json:"unneeded,omitzero"`
	Revoked    time.Time `json:"revoked,omitzero"`
}

func list(s hardtack.KeySet, at time.Time) listing {
	l := listing{At: at.UTC(), Keys: []listedKey{}}
	if s.Retain > 0 {
		l.Retain = s.Retain.String()
	}
	for _, st := range s.Status(at) {
		k := st.Key
		activate := k.Activate()
		if k.Revoked() && activate.After(k.RevokedAt()) {
			activate = time.Time{} // it will not come
		}
		l.Keys = append(l.Keys, listedKey{
			ID:         k.ID(),
			State:      st.State,
			Secret:     secretForm(k),
			Created:    k.Created().UTC(),
			Activate:   activate.UTC(),
			SealsUntil: st.SealsUntil.UTC(),
			Retire:     k.Retire().UTC(),
			Unneeded:   st.Unneeded.UTC(),
			Revoked:    k.RevokedAt().UTC(),
		})
	}
	return l
}

func secretForm(k hardtack.Key) string {
	switch {
	case k.Revoked(), k.Erased():
		return "gone"
	case k.Wrapped():
		return "wrapped"
	}
	return "clear"
}
