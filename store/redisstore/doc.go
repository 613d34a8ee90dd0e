// Package redisstore keeps the records of hardtack's sessions in Redis.
//
//	store, err := redisstore.Open(ctx, "redis://localhost:6379/0", redisstore.Options{})
//	jar, err := hardtack.NewHybrid[Cart](config, store)
//
// New takes the application's own go-redis client instead, with the TLS, the user, the Sentinels or the cluster that it
// is set up for.
//
// # What is guaranteed
//
// Each write is one command or script on one key, and so atomic, on a cluster too. Versions are compared in the server.
// Expiry is the server's own, to the millisecond, and nothing needs to be swept. A swap whose
// answer was lost is an error, and never repeated: it would lose against itself.
//
// What survives a crash is up to the server:
//   - appendonly yes with appendfsync always: every acknowledged write.
//   - appendfsync everysec, Redis's default: all but the last second or two.
//   - snapshots alone: what came before the last one.
//   - replication is asynchronous: a failover, by Sentinel or in a cluster, loses what the new primary had not received yet, however
//     durable the old one was. A logout may be among it. The settings min-replicas-to-write and min-replicas-max-lag make
//     the window shorter, not empty.
//
// A session whose record was lost is hardtack.ErrRecordMissing, and so is one whose record is older than its cookie's reference.
//
// # Settings for production
//
// The server must not evict: maxmemory-policy noeviction, Redis's default. When its memory is full, writes then fail, with an error that
// matches hardtack.ErrStoreUnavailable; with another policy, people are logged out and ended sessions come back.
// Store.CheckSettings looks. A server that also serves as a cache needs another policy, so give sessions one of their own.
//
// The user needs these rights; with another prefix, another key pattern:
//
//	user hardtack on >password ~hardtack:* resetchannels -@all +get +set +del +getrange +eval +evalsha +time +pttl +zadd +zrem +zscore +zrange +zrangebyscore +zremrangebyscore +pexpireat +ping +info +cluster|slots +command
//
// The last two, and +ping, are for a cluster; +info is for CheckSettings. From Redis 7.2 on the client tells the server its name: allow it
// +client|setinfo, set DisableIdentity, or let it be refused, which does no harm. Use TLS (rediss://) wherever the network is not yours alone: records are sealed, but the password is not.
//
// # Keys
//
//	hardtack:r:ID       string: the version, 8 bytes, big-endian, 0 after Commit; then the data
//	hardtack:s:SUBJECT  sorted set: ID.NUMBER by expiry in milliseconds
//	hardtack:o:ID       sorted set: NUMBER:SUBJECT by NUMBER, the filings of ID that there may be
//	hardtack:keys:NAME  string: the key set of a ring, see below
//
// Each key but the last expires with the last of what is in it.
//
// # Keys for a fleet
//
// NewKeys, or the method Keys of a Store, makes a hardtack.KeyStore of one key of the server: a source from which all servers have the keys of
// their ring, in which whoever sees first that one is due puts it, and by which a revocation reaches them all.
//
//	keys, err := store.Keys(redisstore.KeysOptions{})
//	ring, err := hardtack.OpenKeyring(ctx, keys, hardtack.KeyringConfig{Rotation: &hardtack.RotationPolicy{}, Wrapper: kms})
//
// Who can read the server, or a backup of it, has what is in it, so that the secrets are to be wrapped. Who can write it can end
// sessions, but not forge any as long as he cannot wrap. A server that went back in time, by a failover for one, or was emptied, loses
// no key that a running ring still has: one with a Rotation policy writes them back. It must not happen while none runs: with
// appendonly no, or a policy of eviction other than noeviction and volatile-*, it is no place for keys.
//
// # Versions
//
// Redis 6.2 is the oldest with the commands that are used; 7.0 is what the tests run. Valkey speaks the same
// protocol and has the same commands, but was not run.
//
// # Why go-redis
//
// Most applications that use Redis have a go-redis client already, with their TLS, Sentinels, hooks and metrics; here they pass it.
// It repeats commands after a lost connection, and lets a single one forbid that, as a swap must.
// rueidis and valkey-go send all commands over few connections, which is faster, but one large record then holds up the others.
// All three are released every other month at least, and depend on next to nothing.
package redisstore
