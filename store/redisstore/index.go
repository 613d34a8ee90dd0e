package redisstore

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// The index is a sorted set for each subject, with the filings of IDs by expiry, and one for each
// ID, its journal, with the subjects by the number of the filing. They lie in
// different slots of a cluster, so no script may touch both. A filing is entered in the journal before it is
// made and struck out after it is undone: the journal knows of every filing, whatever fails in between.
//
// The number of a filing is in its name, so that calls for one ID at the same time cannot undo each other's: each
// undoes those with lower numbers, and the highest stays. A call may make its filing after another has undone
// it: it then finds its entry struck out, and undoes its filing itself, or the other undoes it again after striking it out.

// enter numbers a filing, enters it in the journal KEYS[1], and returns it after those before it. What
// is filed nowhere need not be taken away. The journal lasts as long as any filing.
var enter = redis.NewScript(`
local entries = redis.call('ZRANGE', KEYS[1], 0, -1)
if #entries == 0 and ARGV[1] == '' then
	return entries
end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
local number = (tonumber(last[2]) or 0) + 1
local left = redis.call('PTTL', KEYS[1])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local entry = string.format('%.0f:%s', number, ARGV[1])
redis.call('ZADD', KEYS[1], number, entry)
if left < 0 or now + left < tonumber(ARGV[2]) then
	redis.call('PEXPIREAT', KEYS[1], ARGV[2])
end
entries[#entries + 1] = entry
return entries
`)

// file makes a filing in KEYS[1] and removes those that have expired. The key lasts as long as its last one.
var file = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] then
	redis.call('PEXPIREAT', KEYS[1], last[2])
end
return redis.status_reply('OK')
`)

// filed returns the filings in KEYS[1] that have not expired by the server's clock.
const filed = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
return redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf', 'WITHSCORES')
`

var errNoIndex = errors.New("the key holds no index")

func (s *Store) subjectKey(subject string) string { return s.prefix + "s:" + subject }
func (s *Store) journalKey(id string) string      { return s.prefix + "o:" + id }

// filing is what the set of a subject holds for an ID.
func filing(id, number string) string { return id + "." + number }

// Index implements hardtack.SubjectIndexer. It takes three round trips, and two more if id was filed before.
func (s *Store) Index(ctx context.Context, id, subject string, expires time.Time) error {
	if err := checkID(id); err != nil {
		return err
	}
	if subject != "" {
		if err := checkID(subject); err != nil {
			return err
		}
	}
	return unavailable(ctx, "index", s.index(ctx, id, subject, expires))
}

func (s *Store) index(ctx context.Context, id, subject string, expires time.Time) error {
	entries, err := enter.Run(ctx, s.client, []string{s.journalKey(id)}, subject, milli(expires)).StringSlice()
	if err != nil || len(entries) == 0 {
		return err
	}
	own, earlier := entries[len(entries)-1:], entries[:len(entries)-1]
	if subject != "" {
		number, _, _ := strings.Cut(own[0], ":")
		err := file.Run(ctx, s.client, []string{s.subjectKey(subject)}, filing(id, number), milli(expires)).Err()
		if err != nil {
			return err
		}
	}
	if err := s.undo(ctx, id, earlier); err != nil {
		return err
	}
	overtaken, err := s.strike(ctx, id, earlier, own[0])
	if err != nil {
		return err
	}
	if overtaken { // by a call that has filed id, and looked for this filing before it was made
		return s.undo(ctx, id, own)
	}
	return s.undo(ctx, id, earlier) // those that were made between the two steps before
}

// undo removes the filings that are entered.
func (s *Store) undo(ctx context.Context, id string, entries []string) error {
	if len(entries) == 0 {
		return nil
	}
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, entry := range entries {
			number, subject, ok := strings.Cut(entry, ":")
			if !ok {
				return errNoIndex
			}
			if subject != "" {
				p.ZRem(ctx, s.subjectKey(subject), filing(id, number))
			}
		}
		return nil
	})
	return err
}

// strike takes the earlier entries out of the journal, and reports whether somebody has taken out this call's own.
func (s *Store) strike(ctx context.Context, id string, earlier []string, own string) (overtaken bool, err error) {
	journal := s.journalKey(id)
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		if len(earlier) > 0 {
			p.ZRem(ctx, journal, earlier)
		}
		p.ZScore(ctx, journal, own)
		return nil
	})
	if errors.Is(err, redis.Nil) {
		return true, nil
	}
	return false, err
}

// findPasses bounds FindSubjects where IDs are moved all the time.
const findPasses = 8

// FindSubjects implements hardtack.SubjectIndexer. One subject takes one round trip. Several do not lie in one
// place, and an ID that is moved meanwhile could be seen in neither: they are read until nothing has
// changed, so at least twice. If something always does, it returns what it has seen in any pass.
func (s *Store) FindSubjects(ctx context.Context, subjects []string) (map[string]time.Time, error) {
	for _, subject := range subjects {
		if err := checkID(subject); err != nil {
			return nil, err
		}
	}
	if len(subjects) == 0 {
		return nil, nil
	}
	var before map[string]time.Time
	seen := make(map[string]time.Time)
	for range findPasses {
		filings, err := s.filings(ctx, subjects)
		if err != nil {
			return nil, unavailable(ctx, "find subjects", err)
		}
		if len(subjects) == 1 || before != nil && maps.Equal(before, filings) {
			return byID(filings), nil
		}
		maps.Copy(seen, filings)
		before = filings
	}
	return byID(seen), nil
}

// filings returns those of all the subjects, with their expiries. No two have one name.
func (s *Store) filings(ctx context.Context, subjects []string) (map[string]time.Time, error) {
	cmds, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, subject := range subjects {
			// EVALSHA would need a second pipeline where a server does not know the script.
			p.Eval(ctx, filed, []string{s.subjectKey(subject)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	filings := make(map[string]time.Time)
	for _, cmd := range cmds {
		reply, err := cmd.(*redis.Cmd).StringSlice()
		if err != nil {
			return nil, err
		}
		for i := 0; i+1 < len(reply); i += 2 {
			ms, err := strconv.ParseInt(reply[i+1], 10, 64)
			if err != nil {
				return nil, errNoIndex
			}
			filings[reply[i]] = time.UnixMilli(ms)
		}
	}
	return filings, nil
}

// byID returns the IDs of the filings, each with its latest expiry.
func byID(filings map[string]time.Time) map[string]time.Time {
	ids := make(map[string]time.Time, len(filings))
	for name, expires := range filings {
		if id, _, _ := strings.Cut(name, "."); expires.After(ids[id]) {
			ids[id] = expires
		}
	}
	return ids
}
