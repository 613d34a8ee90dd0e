package main

// planReport is what hardtack plan says about sample sessions. It holds sizes, counts, and names of fields; never a value of a
// sample. All sizes are in bytes, of HTTP/1.1 where they are on the wire. Shares are from 0 to 1. A report always has at least one sample, one format and
// the three modes, in a fixed order. Latency is nil unless --measure was given. The JSON of --json is this, as it stands.
type planReport struct {
	Assumptions planAssumptions `json:"assumptions"`
	Samples     planSamples     `json:"samples"`
	// Advice is one plain sentence, and why.
	Advice planAdvice `json:"advice"`
	// Formats are the ways to make a cookie of the samples. The first is the library's default, sealed CBOR; Modes are computed for it.
	Formats []planFormat `json:"formats"`
	// Fields of the samples by their weight in CBOR, the heaviest first. Those that have no presentable name are "(other)", which is last.
	// Names that are likely to be keys of a map are "*" together. With --names=false all are numbers.
	Fields []planField `json:"fields"`
	// Modes are stateless, hybrid and server-side, in this order.
	Modes   []planMode   `json:"modes"`
	Latency *planLatency `json:"latency,omitempty"`
}

// planAssumptions are what the figures rest on besides the samples: the flags, and what follows from them.
type planAssumptions struct {
	Lifetime          durationFlag `json:"lifetime"`            // how long a session lives
	RequestsPerSecond float64      `json:"requests_per_second"` // of all users, each with the session's cookie
	Users             int          `json:"users"`               // who have a live session at the same time, one each
	Budget            int          `json:"budget"`              // Budget.Inline: above it a hybrid Jar stores
	Max               int          `json:"max"`                 // 4096: what browsers keep
	Writes            float64      `json:"writes"`              // share of the requests that save the session
	Logouts           float64      `json:"logouts"`             // share of the sessions that end by a logout
	Revoke            bool         `json:"revoke"`              // each logout must reach every copy of the cookie
	SubjectBytes      int          `json:"subject_bytes"`       // of SetSubject; 0: none
	PadTo             int          `json:"pad_to"`              // of the padded formats
	CookieName        string       `json:"cookie_name"`
	// SessionsPerSecond begin, and as many end: Users/Lifetime, but no more than requests that save.
	SessionsPerSecond float64 `json:"sessions_per_second"`
}

// planSamples says what was read.
type planSamples struct {
	Count int `json:"count"`
	// JSON and CBOR are the encoded data alone, without identity and encryption.
	JSON planSpread `json:"json"`
	CBOR planSpread `json:"cbor"`
}

// planSpread is how sizes are spread over the samples.
type planSpread struct {
	Min    int     `json:"min"`
	Median int     `json:"median"`
	Mean   float64 `json:"mean"`
	P95    int     `json:"p95"`
	Max    int     `json:"max"`
}

// planFormat is what the cookies of the samples would be in one format.
type planFormat struct {
	Name       string `json:"name"`       // stable, for programs: "sealed-cbor-compressed"
	Title      string `json:"title"`      // for people: "sealed, CBOR, compressed"
	Encrypted  bool   `json:"encrypted"`  // false: everybody who sees the cookie can read it
	Compressed bool   `json:"compressed"` // Config.InsecureCompression
	PadTo      int    `json:"pad_to"`     // Config.PadTo; 0: none
	Hybrid     bool   `json:"hybrid"`     // a hybrid Jar takes it

	// Cookie is the cookie's name and value, as browsers count them.
	Cookie planSpread `json:"cookie"`
	// HeadRoomBudget and HeadRoomMax are what the largest cookie leaves of Budget and of 4096; negative if it is over.
	HeadRoomBudget int `json:"head_room_budget"`
	HeadRoomMax    int `json:"head_room_max"`
	// OverBudget and OverMax are the numbers of samples beyond them, and with Share their share.
	OverBudget      int     `json:"over_budget"`
	OverBudgetShare float64 `json:"over_budget_share"`
	OverMax         int     `json:"over_max"`
	OverMaxShare    float64 `json:"over_max_share"`
	// Bins count the samples by size of cookie, in 16 steps of 256 bytes: Bins[0] up to 256, Bins[1] 257 to 512, and so on to 4096. The 17th has what is larger.
	Bins [17]int `json:"bins"`
}

// planField is a field of the samples.
type planField struct {
	// Name as in the JSON; a child has its parent's before it: "cart.lines", and "lines[].sku" within the objects of an array.
	Name    string  `json:"name"`
	Samples int     `json:"samples"` // that have it
	Mean    float64 `json:"mean"`    // of name and value in CBOR, over all samples
	Max     int     `json:"max"`     // in one sample
	Share   float64 `json:"share"`   // of all bytes of CBOR
	// Children take a field apart that has half of all bytes, or more; else there are none.
	Children []planField `json:"children,omitempty"`
}

// Names of modes.
const (
	modeStateless  = "stateless"
	modeHybrid     = "hybrid"
	modeServerSide = "server-side"
)

// planMode is what a way to keep sessions would mean for the samples, with sealed CBOR and without compression.
type planMode struct {
	Name  string `json:"name"`  // modeStateless, modeHybrid or modeServerSide
	Title string `json:"title"` // for people
	// Saved is the share of the samples that can be saved at all, Stored the share of those whose data is in a store.
	Saved  float64 `json:"saved"`
	Stored float64 `json:"stored"`
	// CookieMean, Up, Down and Store are those of the samples that can be saved; 0 if there are none.
	//
	// CookieMean is the mean cookie in the browser, name and value: the session, or what leads to it.
	CookieMean float64 `json:"cookie_mean"`
	// Up is what the Cookie header lines of all requests take, Down what the Set-Cookie lines of all responses do, those of logouts too, in bytes per second.
	Up    float64   `json:"up_bytes_per_second"`
	Down  float64   `json:"down_bytes_per_second"`
	Store planStore `json:"store"`
	// Round trips to the store that a request makes, on average, and at worst: for a request that only reads, and one that saves.
	ReadTrips      float64 `json:"round_trips_to_read"`
	ReadTripsMost  int     `json:"round_trips_to_read_at_most"`
	WriteTrips     float64 `json:"round_trips_to_write"`
	WriteTripsMost int     `json:"round_trips_to_write_at_most"`
	// And those of a request that renews a session, as a login does, and of one that ends it, with what their reading takes.
	LoginTripsMost  int `json:"round_trips_to_log_in_at_most"`
	LogoutTripsMost int `json:"round_trips_to_log_out_at_most"`
	// What follows is one or two sentences each.
	Revoke     string `json:"revoke"`     // what can be ended, and how fast
	Replay     string `json:"replay"`     // what an old copy of a cookie is good for
	Concurrent string `json:"concurrent"` // what becomes of two saves at once
	Outage     string `json:"outage"`     // what happens while the store is away
}

// planStore is what a store has to do and to hold; all zero if there is none.
type planStore struct {
	Reads  float64 `json:"reads_per_second"`
	Writes float64 `json:"writes_per_second"` // of records
	Index  float64 `json:"index_per_second"`  // calls that file a session under its subject
	Ends   float64 `json:"ends_per_second"`   // logouts: a tombstone, or in a server-side store a deletion
	// RecordMean is the mean size of a record, without its key. 0 if there are none.
	RecordMean float64 `json:"record_mean"`
	// Bytes are the records of all users with their keys, and the tombstones of logouts, without what the store itself adds.
	Bytes float64 `json:"bytes"`
}

// planLatency is what --measure has measured of a store, from this machine.
type planLatency struct {
	Target      string     `json:"target"` // its kind, and for a server the host: redis://db.example:6379; never a user or password
	RecordBytes int        `json:"record_bytes"`
	Read        planTiming `json:"read"`   // a Find: what a request adds that reads a stored session
	Write       planTiming `json:"write"`  // a CompareAndSwap: what a save of one adds to that
	Commit      planTiming `json:"commit"` // a Commit: what a logout adds to the reading
	// Index is what the login and the logout of a stored session add if it has a subject; nil if the store has no index.
	Index *planTiming `json:"index,omitempty"`
}

// operation is one that was measured.
type operation struct {
	Name, What string
	Timing     planTiming
}

func (l *planLatency) operations() []operation {
	all := []operation{
		{"Find", "what a request adds that reads a stored session", l.Read},
		{"CompareAndSwap", "what a save of one adds to that", l.Write},
		{"Commit", "what a logout adds to the reading", l.Commit},
	}
	if l.Index != nil {
		all = append(all, operation{"Index", "what a login and a logout add with a subject", *l.Index})
	}
	return all
}

// toRead is what the store adds to a request that reads, on average, in microseconds; toSave to one that saves. What was measured is a
// compare-and-swap, which another library has not, so of modeServerSide toSave is not known: negative.
func (l *planLatency) toRead(m planMode) float64 { return m.ReadTrips * l.Read.P50 }

func (l *planLatency) toSave(m planMode) float64 {
	if m.Name == modeServerSide {
		return -1
	}
	return m.WriteTrips / 2 * (l.Read.P50 + l.Write.P50)
}

// carried is a figure of cookies; there is none if nothing can be saved.
func (m planMode) carried(figure string) string {
	if m.Saved == 0 {
		return "–"
	}
	return figure
}

// planTiming are percentiles, in microseconds.
type planTiming struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_us"`
	P95   float64 `json:"p95_us"`
	P99   float64 `json:"p99_us"`
}

// planAdvice is which mode to take.
type planAdvice struct {
	Mode string `json:"mode"` // modeStateless, modeHybrid or modeServerSide
	Rule string `json:"rule"` // stable, for programs; docs/plan.md lists them
	// Sentence is one plain sentence with its reason.
	Sentence string `json:"sentence"`
	// Warnings are what to know besides, a sentence each; often none.
	Warnings []string `json:"warnings,omitempty"`
}
