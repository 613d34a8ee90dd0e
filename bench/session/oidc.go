package session

import "time"

// OIDC is the session of a client that keeps what the identity provider gave it.
type OIDC struct {
	UserID       string    `json:"user_id"`
	IDToken      string    `json:"id_token"`
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry"`
}

// NewOIDC returns an OIDC with tokens of so many characters.
func NewOIDC(id, access, refresh int) OIDC {
	return OIDC{UserID, opaque("id", id), opaque("access", access), opaque("refresh", refresh), Now.Add(time.Hour)}
}

// OIDCs grow with the characters of the tokens, of which most are the ID token's.
func OIDCs() Shape[OIDC] {
	const id, access, refresh = 1100, 220, 100
	const all = id + access + refresh
	return Shape[OIDC]{
		Name: "oidc", Small: all / 2, Medium: all, Large: 1900,
		Grow: func(n int) OIDC {
			return NewOIDC(n*id/all, n*access/all, n-n*id/all-n*access/all)
		},
	}
}
