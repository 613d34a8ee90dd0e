// Package faulttest proves that no fault of a store loses or mixes up a session. A [Load] of clients works through HTTP
// with a hybrid Jar while a test breaks its store; at the end every client reads its session back, and [Counts] says what
// became of them.
//
// Each client has a session of its own: its owner, the serial number of the last save, and a note whose size moves the
// session into the store and back. Some clients have several tabs, which append to one list at once.
//
// A save is acknowledged when the client has received its 200, with the cookie. Some answers are lost on their way. After
// that, and after any other answer, the session may be in the old state or in the new one, until the next save is
// acknowledged, and reading it settles nothing: a save that failed can have left a record that a cookie leads to only
// while the store is there. What may not happen:
//
//   - lost: a state is read that is older than one that was acknowledged;
//   - mixed up: a session is read whose owner is another client;
//   - logged out: a client that has a session is told that it has none;
//   - twice: a tab's entry is in the list more than once.
package faulttest
