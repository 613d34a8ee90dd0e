// Package mongostore is a hardtack.Store in MongoDB, over the official driver. It is a CompareAndSwapper, a
// SubjectIndexer, a Sweeper and a Pinger.
//
// A record is a document {_id: ID, d: data, v: version, e: expiry} of the collection hardtack_records, an entry of
// the index by subject is {_id: ID, s: subject, e: expiry} of hardtack_subjects. Each method changes one document
// with one command, which MongoDB does atomically; the unique _id decides between concurrent inserts. The collections must
// not have a collation of their own: one that ignores case would take one ID for another. If they are sharded, it must be by _id.
//
// # What is acknowledged stays
//
// Whatever the application's client is set to, the Store writes with the write concern {w: "majority", j: true} and
// reads from the primary, because less can lose a session that has been acknowledged. In a replica set or a sharded
// cluster it reads with the read concern "linearizable". With "local" or "majority", a
// primary that was deposed, but has not noticed yet, still answers from its own state: for some seconds the clients that have not
// noticed either would be served sessions that were ended, and miss sessions that were just saved. The price: for each
// read the primary writes a no-op into the oplog and waits for a majority, as for a write. Options.InsecureLocalReads does without. A
// standalone server has nobody to ask: there the read concern is "local".
//
// MongoDB promises "linearizable" of reads by _id, which is what Find does. FindSubjects reads several documents, of which the manual promises less;
// the server confirms that it is the primary there too, but what is filed while it reads may be missed or not. What changes nothing, a swap
// that is refused or a Delete of what is not there, is the answer of the server that was asked.
//
// A call whose answer was lost is repeated once by the driver, or until ctx ends if it has a deadline, unless the
// client or the URI says retryWrites=false. Each write carries a number, and the server does not do it twice: it gives
// the first result again. So CompareAndSwap reports true though the answer was lost, and not a conflict with itself. Where the
// driver does not repeat writes (retryWrites=false, a standalone server), the lost answer is an error, and the write may
// have taken effect.
//
// A transaction that the context carries (mongo.NewSessionContext) is not joined: what the Store acknowledges cannot be
// rolled back with it.
//
// # Expiry
//
// The clock of the Store is Options.Now of each application server, not MongoDB's. TTL indexes remove documents two
// minutes after their expiry, so that a MongoDB server whose clock is up to two minutes ahead removes none too early, within the minute
// that its TTL monitor takes. A server that has no TTL indexes (FerretDB) gets plain
// ones, and the Store sweeps by itself.
package mongostore
