// Package gorilla is for applications that come from gorilla/sessions or gorilla/securecookie.
//
// Codec reads and writes the values of gorilla/securecookie. In Config.Formerly it lets the sessions go on that are in browsers today; as
// Config.Codec it writes what servers that have not been deployed anew can still read.
//
// Store is a gorilla/sessions.Store: code that is written against gorilla/sessions keeps working, with the line changed that makes the
// store, and its sessions are sealed, kept within what browsers take, and overflow into a store if it is given one.
//
// docs/migrate.md says in which order to deploy what.
package gorilla
