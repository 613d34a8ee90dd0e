package main

// A table is a section of the README, and what fills the marked places of other documents.
type table struct {
	name   string // of the marker
	title  string
	intro  string
	charts []string
	full   bool   // from full.txt
	below  string // goes with the table
	grid   func(*sheet) grid
}

var tables = []table{
	{
		name: "targets", title: "Targets",
		intro: "What hardtack wants to reach, and whether it does. A target is judged by all of the figures it is made of, each the median of the rounds with its " +
			"interval; the worst is shown. The single figures are in [Figures](#figures).",
		below: metWords,
		grid:  targetsGrid,
	},
	{
		name: "decision", title: "The choice",
		intro: "What each kind of session costs a request: as in [What a session adds to a request](#what-a-session-adds-to-a-request) and " +
			"[Requests with a store, over loopback](#requests-with-a-store-over-loopback).",
		grid: decisionGrid,
	},
	{
		name: "roundtrip", title: "From a struct to a cookie and back",
		intro: "Time relative to `hardtack-cbor`, each shape at its medium size; more is slower. `floor` is bare AES-256-GCM with base64 on the same CBOR, " +
			"`cbor` and `json` are the serializers alone: none of them makes a session. `hardtack-hs256`, `hardtack-eddsa` and `jwt-hs256` are signed, not encrypted.",
		charts: []string{"roundtrip"},
		grid:   roundtripGrid,
	},
	{
		name: "cookie-bytes", title: "How large the cookies are",
		intro: "Bytes of the cookie's name and value, each shape at its medium size. ▲ is above 3,072, where a hybrid Jar moves the session into its store; – is above 4,096, " +
			"where browsers refuse the cookie.",
		charts: []string{
			"cookie-bytes",
		},
		grid: cookieBytesGrid,
	},
	{
		name: "request", title: "What a session adds to a request",
		intro: "A handler that reads its session, or changes it, called without a network. The columns *adds* have what a request costs above the same handler " +
			"without a session, reads and writes alike relative to what a read of `hardtack-stateless` costs above it; more is slower. The last two columns have another base: the whole " +
			"request over a loopback connection, relative to the same request to the handler without a session.",
		charts: []string{"request"},
		grid:   requestGrid,
	},
	{
		name: "request-stores", title: "Requests with a store, over loopback",
		intro: "Time per request relative to the handler without a session, at the same number of clients.",
		grid:  storesGrid,
	},
	{
		name: "cores", title: "What a second core brings",
		intro: "Requests per second on two cores, relative to one. `none` is what the machine gives.",
		grid:  coresGrid,
	},
	{
		name: "growth-payload", title: "As the payload grows",
		intro:  "A round trip of a text that is so many bytes in JSON, relative to `hardtack-cbor`. – is where browsers would refuse the cookie.",
		charts: []string{"growth-payload"},
		grid:   payloadGrid,
	},
	{
		name: "growth-live", title: "As the number of stored sessions grows",
		intro:  "A request that reads one of so many sessions, relative to `hardtack-stateless`, which stores none.",
		charts: []string{"growth-live"},
		full:   true,
		grid:   liveGrid,
	},
	{
		name: "growth-keys", title: "As the number of keys grows",
		intro: "Opening a cookie that the newest, the oldest or no key of the ring has sealed, relative to `hardtack` with one key. A hardtack cookie names its key; " +
			"gorilla/securecookie tries one after the other.",
		grid: keysGrid,
	},
	{
		name: "growth-header", title: "As the number of other cookies grows",
		intro:  "A handler that reads its session from a header with so many other cookies before it, relative to `hardtack-stateless` with one.",
		charts: []string{"growth-header"},
		grid:   headerGrid,
	},
	{
		name: "compress", title: "How small payloads become",
		intro: "Bytes after compression, and the time that compressing and expanding take together, relative to `deflate-7`, which package compress has; each shape at its medium size.",
		grid:  compressGrid,
	},
}
