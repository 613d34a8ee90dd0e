package storetest

import (
	"testing"
	"time"

	"github.com/hardtack-go/hardtack"
)

// Options say what the suite needs to know of a store, or may use. The zero
// value is good for a store in the process's memory.
type Options struct {
	// ClockTolerance is how early or late an expiry may act, for a store that goes
	// by a server's clock; 100 ms by default.
	ClockTolerance time.Duration

	// MaxData is the most bytes of data that the store takes: one more must give a
	// *hardtack.SizeError. 0 means that it takes 4 MiB at least.
	MaxData int

	// Again is another client of the same data, such as another server's. The
	// concurrent clauses then use both by turns. Nil: there is none.
	Again hardtack.Store

	// Away is a store of the same kind whose server cannot be reached. Nil: it
	// cannot be away.
	Away hardtack.Store

	// AwayIs is an error that every error of Away must match, such as
	// hardtack.ErrStoreUnavailable. Nil: none; a Jar wraps what it gets anyway.
	AwayIs error

	// Hangs is a store of the same kind whose server accepts connections and never answers. Nil:
	// there is none.
	Hangs hardtack.Store

	// Logs returns what the server, or a logger that only the store knows, has
	// logged so far. Nil: there is no such log.
	Logs func() string

	// NotProvable names clauses that the store does not keep, or that cannot be
	// shown here, with the reason: "Records/Sizes": "…". They are skipped, and print it.
	NotProvable map[string]string
}

const (
	defaultTolerance = 100 * time.Millisecond
	defaultSize      = 4 << 20

	// patience bounds a call that nothing else bounds.
	patience = 30 * time.Second
	// soon is how long a record lives whose expiry a clause waits for.
	soon = 1200 * time.Millisecond
	// crowd is how many goroutines contend.
	crowd = 64
)

type clause struct {
	name  string
	run   func(*tester)
	needs func(*suite) string // beyond the group's
}

type group struct {
	name     string
	needs    func(*suite) string // why the group must be skipped, or ""
	parallel bool
	clauses  []clause
}

var groups = []group{
	{name: "Records", clauses: []clause{
		{"Missing", missing, nil},
		{"Overwrite", overwrite, nil},
		{"Empty", empty, nil},
		{"Sizes", sizes, nil},
		{"TooLarge", tooLarge, bounded},
		{"GivenSlices", givenSlices, nil},
		{"FoundSlices", foundSlices, nil},
		{"Delete", deleteRecord, nil},
		{"Twins", twins, nil},
		{"MalformedIDs", malformedIDs, nil},
	}},
	{name: "Expiry", parallel: true, clauses: []clause{
		{"Exact", expiryExact, nil},
		{"Passed", expiryPassed, nil},
		{"Far", expiryFar, nil},
		{"Earlier", expiryEarlier, nil},
		{"Later", expiryLater, nil},
		{"Swap", expirySwap, swapper},
		{"SwapMoves", expirySwapMoves, swapper},
		{"Committed", expiryCommitted, swapper},
		{"Index", expiryIndex, indexer},
	}},
	{name: "Swap", needs: swapper, clauses: []clause{
		{"Insert", swapInsert, nil},
		{"Missing", swapMissing, nil},
		{"Versions", swapVersions, nil},
		{"Committed", swapCommitted, nil},
		{"Deleted", swapDeleted, nil},
		{"Passed", swapPassed, nil},
	}},
	{name: "Concurrency", clauses: []clause{
		{"Inserts", raceInserts, swapper},
		{"Swaps", raceSwaps, swapper},
		{"Counter", raceCounter, swapper},
		{"Random", raceRandom, nil},
		{"Readers", raceReaders, nil},
		{"Clients", clients, again},
	}},
	{name: "Index", needs: indexer, clauses: []clause{
		{"File", indexFile, nil},
		{"Refile", indexRefile, nil},
		{"Unfile", indexUnfile, nil},
		{"Several", indexSeveral, nil},
		{"None", indexNone, nil},
		{"Independent", indexIndependent, nil},
		{"Twins", indexTwins, nil},
		{"Malformed", indexMalformed, nil},
		{"Thousand", indexThousand, nil},
		{"Concurrent", indexConcurrent, nil},
	}},
	{name: "Sweep", needs: sweeper, clauses: []clause{
		{"Expired", sweepExpired, nil},
		{"Together", sweepTogether, nil},
		{"Cancelled", sweepCancelled, nil},
		{"Recommitted", sweepRecommitted, nil},
	}},
	{name: "Contexts", clauses: []clause{
		{"Cancelled", contextCancelled, nil},
		{"Deadline", contextDeadline, nil},
		{"Hangs", contextHangs, hangs},
	}},
	{name: "Ping", needs: pinger, clauses: []clause{
		{"There", pingThere, nil},
	}},
	{name: "Away", needs: away, clauses: []clause{
		{"Methods", awayMethods, nil},
		{"Jar", awayJar, nil},
	}},
	{name: "Jar", clauses: []clause{
		{"Hybrid", jarHybrid, nil},
	}},
	{name: "Secrets", clauses: []clause{ // the last: they look at what the others have caused
		{"Errors", secretErrors, nil},
		{"Log", secretLog, nil},
		{"ServerLog", secretServerLog, logged},
	}},
}

// Run tests store against every clause of hardtack's contract, each in a subtest of
// its own. It changes the log package's and slog's default output while it
// runs, so two Runs must not be parallel. The store need not be empty, and others may use it; but
// nobody else may sweep it.
func Run(t *testing.T, store hardtack.Store, o Options) {
	t.Helper()
	s := newSuite(store, o)
	for name := range s.NotProvable {
		if !isClause(name) {
			t.Errorf("Options.NotProvable: there is no clause %q", name)
		}
	}
	s.listen(t)
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			skip(t, s, g.needs)
			for _, c := range g.clauses {
				t.Run(c.name, func(t *testing.T) {
					if reason, ok := s.NotProvable[g.name+"/"+c.name]; ok {
						t.Skip("not provable: " + reason)
					}
					skip(t, s, c.needs)
					if g.parallel {
						t.Parallel()
					}
					c.run(&tester{T: t, suite: s, client: s.store})
				})
			}
		})
	}
}

func isClause(name string) bool {
	for _, g := range groups {
		for _, c := range g.clauses {
			if g.name+"/"+c.name == name {
				return true
			}
		}
	}
	return false
}

func skip(t *testing.T, s *suite, needs func(*suite) string) {
	if needs == nil {
		return
	}
	if why := needs(s); why != "" {
		t.Skip(why)
	}
}

func unless(there bool, why string) string {
	if there {
		return ""
	}
	return why
}

func swapper(s *suite) string { return unless(s.store.swapper != nil, "is no CompareAndSwapper") }
func indexer(s *suite) string { return unless(s.store.indexer != nil, "is no SubjectIndexer") }
func sweeper(s *suite) string { return unless(s.store.sweeper != nil, "is no Sweeper") }
func pinger(s *suite) string  { return unless(s.store.pinger != nil, "is no Pinger") }
func bounded(s *suite) string { return unless(s.MaxData > 0, "Options.MaxData sets no bound") }
func again(s *suite) string   { return unless(s.again != nil, "Options.Again is nil") }
func away(s *suite) string    { return unless(s.Away != nil, "Options.Away is nil") }
func hangs(s *suite) string   { return unless(s.Hangs != nil, "Options.Hangs is nil") }
func logged(s *suite) string  { return unless(s.Logs != nil, "Options.Logs is nil") }
