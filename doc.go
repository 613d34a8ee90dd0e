// Package hardtack keeps web sessions in encrypted cookies, and moves those
// that outgrow about 3 KB to a store and back.
//
// # Choosing a mode
//
// [New] makes a stateless Jar: the whole session is in the cookie. No store and
// no round trips, at most 4096 bytes, and a copied cookie works until it expires.
// [NewHybrid] makes one whose sessions are in the cookie while they are small, and in a
// [Store] when they are not. While stored they can be ended for every
// copy of the cookie, and concurrent saves are told apart if the store can compare and swap.
// Handlers are the same in both modes; both read the same inline cookies. The table in
// README.md compares the consequences.
//
// # Use
//
//	ring, err := keyfile.Open(ctx, "keys.json", hardtack.KeyringConfig{}) // or NewKeyring
//	jar, err := hardtack.New[Cart](hardtack.Config{Keys: ring})
//
//	func add(w http.ResponseWriter, r *http.Request) {
//		s, err := jar.Get(r) // never nil; err says why it is a fresh one
//		s.Data.Items = append(s.Data.Items, r.FormValue("item"))
//		placed, err := jar.Save(w, r, s) // before the first byte of the body
//	}
//
// [Jar.Handler] is a middleware that loads on first use and saves what was changed.
// [Jar.Update] is read-modify-write with retries. [Session.Renew] and
// [Session.SetSubject] belong at every login.
//
// Errors are typed and work with errors.Is. [ErrStoreUnavailable] is the one that
// every handler should know: the cookie is good but could not be looked up, so answer
// with 503. All others from [Jar.Get] mean a fresh session.
//
// # Keys
//
// Each [Key] is announced, seals, opens for as long as its sessions can live, and is gone. [OpenKeyring] makes a [Keyring] that
// follows a [KeySource]: a file (package keyfile), an environment variable ([EnvKeys]), a function ([KeySourceFunc]), or a table or Redis
// key that a fleet shares. With a [RotationPolicy] the ring replaces its keys by itself.
// [Keyring.Revoke] ends every session that was ever sealed with a key. [Keyring.Health] says what should be seen to.
//
// # Threats
//
// A cookie cannot be read, altered or made without a key of the ring, and is bound to the
// cookie's name and [Config.Audience]. Expiry is sealed in. The store sees only ciphertext,
// under a key that is in the cookie alone. An outage logs nobody out. What remains:
// an inline cookie can be presented again until it expires, after a newer save and after
// logout too, so a session must not hold what must not come back; whoever steals a cookie has
// the session; and an application that calls neither SetSubject nor Renew at login is open to session fixation.
// The length of a cookie and the ID of its key can be seen.
//
// # Coming from elsewhere
//
// [Config].Formerly lets live sessions of other formats go on: package gorilla for gorilla/sessions and gorilla/securecookie, package signed
// for JWT cookies, [SCSCodec] for alexedwards/scs. docs/migrate.md says how.
//
// # Concurrency
//
// [Jar], [Keyring], [MemoryStore], [SealedCodec] and the serializers are safe for concurrent
// use. A [Session] belongs to one request and one goroutine. Two requests that save one inline
// session at once both succeed, and the last response wins. For a stored one the
// second gets [ErrConflict], if the store is a [CompareAndSwapper].
//
// # Compatibility
//
// Tokens of format version 1 stay readable by every later release, as long as their key is in the
// ring. The Go API may change before v1.0.0.
//
// # Further reading
//
// In the repository, docs/hybrid.md has the rules of storing, docs/stores.md the stores and how to write one,
// docs/rotation.md a runbook for keys, docs/migrate.md how to come from other libraries, docs/capacity.md what fits, docs/threat-model.md every attack, docs/format.md the bytes, docs/limits.md
// what browsers and proxies accept, and docs/tradeoffs.md why it is as it is.
package hardtack
