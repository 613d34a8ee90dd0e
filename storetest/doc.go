// Package storetest tests a store against the whole contract of hardtack.Store,
// and of the other interfaces that it has: CompareAndSwapper, SubjectIndexer, Sweeper and Pinger.
// Anybody who writes a store can run it:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, newStore(t), storetest.Options{})
//	}
//
// Each clause is a subtest, named as here and in Options.NotProvable. Run under the race detector,
// it sees more. It takes about ten seconds, most of them waiting for expiries.
//
//   - Records/Missing: what was never written is not found, and no error
//   - Records/Overwrite: Commit writes whatever was there
//   - Records/Empty: empty and nil data are records like any other
//   - Records/Sizes: any bytes, up to 4 MiB or MaxData, come back as they were
//   - Records/TooLarge: more than MaxData is a *hardtack.SizeError, and changes nothing
//   - Records/GivenSlices: data given are neither changed nor kept
//   - Records/FoundSlices: data found do not change when the record does
//   - Records/Delete: a deleted record is missing; to delete a missing one is no error
//   - Records/Twins: IDs that differ in the case or the last character only stay apart
//   - Records/MalformedIDs: they are refused, or are records of their own
//   - Expiry/Exact: records are there until their millisecond, and missing from then on
//   - Expiry/Passed: with an expiry that has passed, a record is missing at once
//   - Expiry/Far: 400 days, other time zones, parts of a millisecond
//   - Expiry/Earlier: a new expiry may be earlier
//   - Expiry/Later: a new expiry may be later
//   - Expiry/Swap: what has expired is missing to a swap
//   - Expiry/SwapMoves: a swap moves the expiry, and one that does not match does not
//   - Expiry/Committed: what was committed and has expired can be inserted
//   - Expiry/Index: entries of the index expire by themselves
//   - Swap/Insert: old 0 inserts where there is no record, and only there
//   - Swap/Missing: other versions do not match where there is no record
//   - Swap/Versions: only the record's version matches, up to the largest int64
//   - Swap/Committed: after Commit, no version matches
//   - Swap/Deleted: after Delete, only 0 matches
//   - Swap/Passed: what is swapped in with an expiry that has passed is missing at once
//   - Concurrency/Inserts: of 64 inserts of one record, one succeeds
//   - Concurrency/Swaps: of 64 swaps of one version, one succeeds
//   - Concurrency/Counter: of 64 increments, none is lost
//   - Concurrency/Random: whatever 64 goroutines do, all that is read was written, and was not replaced before
//   - Concurrency/Readers: a reader sees all of a write or nothing, and never a gap between two
//   - Concurrency/Clients: what one client has written, the other sees at once
//   - Index/File: an ID is found under its subject, with its expiry
//   - Index/Refile: under another subject, it is no longer where it was
//   - Index/Unfile: an empty subject takes it away
//   - Index/Several: 128 subjects at once, some named twice
//   - Index/None: nobody's IDs are none, and no error
//   - Index/Independent: neither an entry nor a record needs the other
//   - Index/Twins: IDs and subjects that differ in case only stay apart
//   - Index/Malformed: malformed IDs and subjects are refused, or kept apart
//   - Index/Thousand: 1,000 IDs under one subject
//   - Index/Concurrent: an ID that is filed anew is under one subject at every moment
//   - Sweep/Expired: all that has expired is removed and counted, and nothing else
//   - Sweep/Together: sweeps at the same time count nothing twice
//   - Sweep/Cancelled: a sweep stops with its context
//   - Sweep/Recommitted: what is written anew while it is swept stays
//   - Contexts/Cancelled: every method fails with context.Canceled, and changes nothing
//   - Contexts/Deadline: likewise with context.DeadlineExceeded
//   - Contexts/Hangs: every call of Options.Hangs ends with its deadline, and says so
//   - Ping/There: a store that works can be pinged
//   - Away/Methods: every method of Options.Away fails within its deadline, with Options.AwayIs
//   - Away/Jar: a Jar makes hardtack.ErrStoreUnavailable of it
//   - Jar/Hybrid: a session outgrows its cookie, is read back, returns, and ends
//   - Secrets/Errors: no error named an ID, a subject or data
//   - Secrets/Log: nor did the default loggers of log and slog
//   - Secrets/ServerLog: nor did Options.Logs
package storetest
