package sqlstore

import (
	"errors"
	"regexp"
	"strings"
	"time"
)

// Options are the settings of a Store. The zero value means the defaults.
type Options struct {
	// Prefix begins the names of the tables and indexes; "hardtack_" by default. It is a lower-case
	// letter or underscore and then up to 39 lower-case letters, digits and underscores. For PostgreSQL a schema may stand
	// before it: "app.hardtack_". Else New returns an error that matches ErrPrefix.
	Prefix string

	// Now is the clock that decides what has expired; time.Now by default. Servers
	// that share a database should agree to within a second or so.
	Now func() time.Time

	// SkipMigration makes New only check the tables, for a role that may not create any: a
	// *SchemaError says what is missing. Schema returns the statements for one's own tool.
	SkipMigration bool

	// SweepEvery is the mean time between the sweeps that the Store makes by itself; 1 minute by
	// default, none if negative. Each lasts at most as long, but at least 1 minute, and goes on where the last one ended.
	SweepEvery time.Duration

	// SweepBatch is how many rows one statement of a sweep removes at most; 500 by default.
	SweepBatch int

	// BusyTimeout bounds how long a call is repeated while other writers are in its way (SQLite is
	// busy, a deadlock, a serialization failure), if its context has no deadline; 5 seconds by default. The
	// writers of one Store in SQLite wait for each other before, as long as their contexts allow.
	BusyTimeout time.Duration

	// MaxCalls bounds how many statements the Store runs at once; 0 leaves it to the pool. The pool should then have no bound of
	// its own: a call that waits for a pool's connection waits for one that somebody else is making, and fails with it.
	// The Open functions of the subpackages postgres and mysql set it.
	MaxCalls int

	// ClosePool makes Close close the pool too. The Open functions of the subpackages set it.
	ClosePool bool
}

// ErrPrefix: Options.Prefix cannot begin the name of a table.
var ErrPrefix = errors.New("sqlstore: Options.Prefix is not a lower-case identifier of at most 40 characters")

var (
	prefixForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,39}$`)
	schemaForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
)

// names are what the tables are called.
type names struct {
	table string // how the tables' names begin, with the schema
	index string // how the indexes' names begin: they are in the schema of their table
}

func (d *dialect) names(prefix string) (names, error) {
	if prefix == "" {
		prefix = "hardtack_"
	}
	schema, rest, found := strings.Cut(prefix, ".")
	switch {
	case !found && prefixForm.MatchString(prefix):
		return names{prefix, prefix}, nil
	case found && d.schemas && schemaForm.MatchString(schema) && prefixForm.MatchString(rest):
		return names{prefix, rest}, nil
	}
	return names{}, ErrPrefix
}

// expand puts the names into a statement: {t} begins a table's name, {x} an index's.
func (n names) expand(query string) string {
	return strings.NewReplacer("{t}", n.table, "{x}", n.index).Replace(query)
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SweepEvery == 0 {
		o.SweepEvery = time.Minute
	}
	if o.SweepBatch <= 0 {
		o.SweepBatch = 500
	}
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = 5 * time.Second
	}
	return o
}
