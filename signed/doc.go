// Package signed keeps sessions in cookies that are JSON Web Tokens: signed, and verifiable by other services.
//
// # Everybody can read them
//
// A signed cookie is NOT ENCRYPTED. Whoever sees it reads all of the session's data: the user, every extension of the browser, every proxy and log that it
// passes through. Nothing belongs in it that the user must not know, and nothing that others must not know about the user. Unless something other than this
// application has to read the cookie, use the default, which hides it and is smaller.
//
// # What it is for
//
// [Codec] is for a stateless [hardtack.Jar] whose cookie is also checked by an edge, a gateway or another service, which gets the public keys from
// [JWKSHandler]. hardtack.NewHybrid refuses it. [ForeignCodec] reads the JWT cookies that an application has made by hand so far, in
// [hardtack.Config].Formerly, so that nobody is logged out when it moves to hardtack.
//
//	codec, err := signed.NewCodec(ring, signed.Options{Issuer: "https://shop.example"})
//	jar, err := hardtack.New[Cart](hardtack.Config{
//		Keys: ring, Codec: codec, Serializer: hardtack.JSON{}, Audience: "shop",
//	})
//	keys, err := signed.JWKSHandler(signed.JWKSOptions{}, codec)
//	mux.Handle("/.well-known/jwks.json", keys)
//
// # What a verifier has to check
//
// Of every token, besides the signature with the key that kid names: that alg is the one that it expects, and not whatever the token says; that typ is the cookie's name
// followed by "+jwt"; that iss and aud are this application's; and that exp has not passed. Clocks differ, and nbf may be up to two minutes ahead: allow for that. Options.Issuer and Config.Audience should be
// set, or there is nothing that tells this application's tokens from another's. Tokens should be taken from the cookie only.
//
// The data is in the claim "session" or as Options.Claim says. The claim "hardtack" is private to this library. exp is the session's absolute end; a verifier knows
// nothing of Config.IdleTimeout, which the Jar alone enforces.
//
// # Keys
//
// Keys are derived from those of the [hardtack.Keyring], so that key files, rotation and everything else about them stays as it is. A key has one algorithm in one codec, and
// a token has no say in it. An announced key is in the key set before it signs: RotationPolicy.Propagation must be longer than JWKSOptions.MaxAge plus
// what verifiers cache beyond it. With HS256 whoever can verify can also forge, so there is no key set.
//
// # Replay and logout
//
// As with every stateless session, a token is good until it expires: Delete makes the browser forget it, but a copy of it can be presented again, to
// this application and to those that verify it. An older token of a session stays valid beside a newer one, with the data that it has. Short Lifetimes
// limit both. Only a key can be revoked, with all of its sessions (Keyring.Revoke); verifiers hear of it once their copy of the key set has expired. Session.Renew
// gives a new jti, but does not end the token before it.
//
// docs/format.md specifies the token in the section "The signed format".
package signed
