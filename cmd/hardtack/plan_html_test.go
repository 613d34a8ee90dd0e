package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// modesOf are the three modes, with figures given as those of hybrid and server-side.
func modesOf(saved, stored float64, hybrid, serverSide planStore) []planMode {
	return []planMode{
		{
			Name: modeStateless, Title: "stateless", Saved: saved, CookieMean: 1216.4, Up: 640_000, Down: 61_000,
			Revoke:     "Single sessions: none before they expire. All of them: with the key, at once.",
			Replay:     "An old copy opens until it expires.",
			Concurrent: "The last response wins.",
			Outage:     "Nothing: there is no store.",
		},
		{
			Name: modeHybrid, Title: "hybrid", Saved: 1, Stored: stored, CookieMean: 1104.2, Up: 560_000, Down: 48_000, Store: hybrid,
			ReadTrips: stored, ReadTripsMost: 1, WriteTrips: 2 * stored, WriteTripsMost: 2, LoginTripsMost: 4, LogoutTripsMost: 3,
			Revoke:     "Stored sessions at once; copies of an inline cookie open until they expire.",
			Replay:     "An old copy of an inline cookie opens until it expires; of a stored session only the present state can be had.",
			Concurrent: "Stored: one save wins, the other gets ErrConflict. Inline: the last response wins.",
			Outage:     "Inline sessions go on. Stored ones answer ErrStoreUnavailable until it is back; nobody is logged out.",
		},
		{
			Name: modeServerSide, Title: "server-side", Saved: 1, Stored: 1, CookieMean: 58, Up: 32_000, Down: 16, Store: serverSide,
			ReadTrips: 1, ReadTripsMost: 1, WriteTrips: 2, WriteTripsMost: 2, LoginTripsMost: 3, LogoutTripsMost: 2,
			Revoke:     "Each session at once.",
			Replay:     "A copy of the cookie is the session itself, until it is ended.",
			Concurrent: "The last write wins, unless the store compares.",
			Outage:     "No request has its session.",
		},
	}
}

// smallPlan is of one sample.
func smallPlan() *planReport {
	one := func(n int) planSpread { return planSpread{n, n, float64(n), n, n} }
	format := func(name, title string, size int, change func(*planFormat)) planFormat {
		f := planFormat{Name: name, Title: title, Encrypted: true, Hybrid: true, Cookie: one(size), HeadRoomBudget: 3072 - size, HeadRoomMax: 4096 - size}
		f.Bins[(size-1)/256] = 1
		if change != nil {
			change(&f)
		}
		return f
	}
	return &planReport{
		Assumptions: planAssumptions{
			Lifetime: durationFlag(day), RequestsPerSecond: 500, Users: 100_000, Budget: 3072, Max: 4096, Writes: .1, Logouts: .2,
			SubjectBytes: 36, PadTo: 256, CookieName: "__Host-session", SessionsPerSecond: 1.157,
		},
		Samples: planSamples{Count: 1, JSON: one(233), CBOR: one(201)},
		Advice: planAdvice{
			Mode: modeStateless, Rule: "fits",
			Sentence: "Keep the sessions in their cookies alone, since all of them fit and no logout has to reach a copy.",
		},
		Formats: []planFormat{
			format("sealed-cbor", "sealed, CBOR", 440, nil),
			format("sealed-json", "sealed, JSON", 474, nil),
			format("sealed-cbor-compressed", "sealed, CBOR, compressed", 402, func(f *planFormat) { f.Compressed = true }),
			format("signed-hs256", "signed, HS256", 565, func(f *planFormat) { f.Encrypted, f.Hybrid = false, false }),
		},
		Fields: []planField{
			{Name: "csrf", Samples: 1, Mean: 50, Max: 50, Share: .25},
			{Name: "user", Samples: 1, Mean: 43, Max: 43, Share: .21},
			{Name: "roles", Samples: 1, Mean: 22, Max: 22, Share: .11},
		},
		Modes: modesOf(1, 0, planStore{Ends: .23, Bytes: 2_100_000}, planStore{Reads: 500, Writes: 51, Index: 1.16, Ends: .23, RecordMean: 254, Bytes: 29_900_000}),
	}
}

// bigPlan is of many samples of which some overflow, with everything that a report can have.
func bigPlan() *planReport {
	r := smallPlan()
	r.Samples = planSamples{Count: 12_480, JSON: planSpread{96, 1401, 1688.2, 4720, 61_204}, CBOR: planSpread{81, 1180, 1431, 4011, 60_118}}
	r.Assumptions.Users, r.Assumptions.RequestsPerSecond, r.Assumptions.Lifetime, r.Assumptions.Revoke = 2_500_000, 42_000, durationFlag(30*day), true
	r.Assumptions.SessionsPerSecond = .96
	r.Advice = planAdvice{
		Mode: modeHybrid, Rule: "overflow",
		Sentence: "Take a hybrid Jar: 94.2 % of the sessions fit into their cookies and need no store, and the rest overflow the 3,072 bytes that leave room for other headers.",
		Warnings: []string{
			"0.4 % of the samples are over 1 MiB as a record and cannot be saved in any mode.",
			"`cart.lines` takes 54.5 % of all bytes: see whether it belongs into the session.",
			"Compression makes the length of a cookie depend on what it holds: read about it before you switch it on.",
		},
	}
	bins := [17]int{320, 1204, 2411, 2830, 1650, 1208, 640, 522, 404, 318, 210, 0, 151, 88, 61, 40, 423}
	type shape struct {
		name, title string
		spread      planSpread
		change      func(*planFormat)
	}
	r.Formats = nil
	for i, s := range []shape{
		{"sealed-cbor", "sealed, CBOR", planSpread{206, 980, 1310, 3921, 80_412}, nil},
		{"sealed-json", "sealed, JSON", planSpread{226, 1204, 1633, 4120, 81_871}, nil},
		{"sealed-cbor-compressed", "sealed, CBOR, compressed", planSpread{206, 702, 851, 2011, 5220}, func(f *planFormat) { f.Compressed = true }},
		{"sealed-cbor-padded", "sealed, CBOR, padded to 256", planSpread{388, 1240, 1512, 4096, 80_540}, func(f *planFormat) { f.PadTo = 256 }},
		{"signed-hs256", "signed, HS256", planSpread{301, 1311, 1744, 4300, 82_000}, func(f *planFormat) { f.Encrypted, f.Hybrid = false, false }},
		{"signed-eddsa", "signed, EdDSA", planSpread{344, 701, 887, 1943, 3050}, func(f *planFormat) { f.Encrypted, f.Hybrid = false, false }},
	} {
		f := planFormat{
			Name: s.name, Title: s.title, Encrypted: true, Hybrid: true, Cookie: s.spread, HeadRoomBudget: 3072 - s.spread.Max, HeadRoomMax: 4096 - s.spread.Max,
			OverBudget: 763, OverBudgetShare: 763. / 12_480, OverMax: 423, OverMaxShare: 423. / 12_480, Bins: bins,
		}
		slices.Reverse(f.Bins[:i])
		if s.spread.Max <= 3072 {
			f.OverBudget, f.OverBudgetShare, f.OverMax, f.OverMaxShare = 0, 0, 0, 0
			clear(f.Bins[12:])
		}
		if s.change != nil {
			s.change(&f)
		}
		r.Formats = append(r.Formats, f)
	}
	r.Fields = []planField{
		{Name: "cart", Samples: 9120, Mean: 810, Max: 58_200, Share: .566, Children: []planField{
			{Name: "cart.lines", Samples: 9120, Mean: 780, Max: 58_000, Share: .545, Children: []planField{
				{Name: "cart.lines[].name", Samples: 9120, Mean: 320.5, Max: 21_000, Share: .224},
				{Name: "cart.lines[].sku", Samples: 9120, Mean: 201.2, Max: 14_000, Share: .14},
			}},
			{Name: "cart.currency", Samples: 9120, Mean: 13, Max: 13, Share: .009},
		}},
		{Name: "tokens", Samples: 4000, Mean: 402, Max: 2900, Share: .281},
		{Name: "<script>alert(1)</script>", Samples: 12_480, Mean: 60, Max: 60, Share: .042},
		{Name: strings.Repeat("anExtraordinarilyLongName", 4), Samples: 1, Mean: .1, Max: 1201, Share: .00007},
	}
	for _, name := range strings.Fields("user tenant locale csrf theme seen flash utm_source utm_medium utm_campaign experiments consent zone currency a b c d e f g h i j k l m") {
		r.Fields = append(r.Fields, planField{Name: name, Samples: 12_480, Mean: 4.2, Max: 12, Share: .003})
	}
	r.Modes = modesOf(.9661, .0611, planStore{Reads: 2566, Writes: 257, Index: .06, Ends: .19, RecordMean: 8412, Bytes: 1.42e9},
		planStore{Reads: 42_000, Writes: 4200, Index: .96, Ends: .19, RecordMean: 1480, Bytes: 3.91e9})
	r.Latency = &planLatency{
		Target: "redis://127.0.0.1:6379", RecordBytes: 1480, Read: planTiming{501, 88.2, 143.9, 402.4}, Write: planTiming{1002, 131.7, 204, 1204.5}, Commit: planTiming{501, 85, 122, 203}, Index: &planTiming{1002, 90, 130, 250},
	}
	return r
}

func htmlOf(t *testing.T, r *planReport) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, writePlanHTML(&b, r))
	return b.String()
}

// elements parses strictly: the page is well-formed, down to each picture.
func elements(t *testing.T, page string) (all []xml.StartElement) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			all = append(all, e.Copy())
		}
	}
}

func attributeOf(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func TestPlanHTMLGolden(t *testing.T) {
	golden(t, "plan-small.html", htmlOf(t, smallPlan()))
	golden(t, "plan-big.html", htmlOf(t, bigPlan()))
}

func TestPlanHTMLIsSelfContained(t *testing.T) {
	for _, r := range []*planReport{smallPlan(), bigPlan()} {
		page := htmlOf(t, r)
		ids, pictures := map[string]bool{}, 0
		all := elements(t, page)
		for _, e := range all {
			assert.NotContains(t, []string{"script", "link", "img", "image", "iframe", "object", "embed", "use", "a", "form", "base"}, e.Name.Local)
			for _, a := range e.Attr {
				assert.False(t, strings.HasPrefix(strings.ToLower(a.Name.Local), "on"), "a handler in <%s>", e.Name.Local)
				assert.NotContains(t, []string{"src", "href", "style"}, a.Name.Local)
			}
			if id := attributeOf(e, "id"); id != "" {
				assert.False(t, ids[id], "two elements are %s", id)
				ids[id] = true
			}
		}
		for _, e := range all {
			if e.Name.Local != "svg" || attributeOf(e, "role") == "" {
				continue
			}
			pictures++
			labels := strings.Fields(attributeOf(e, "aria-labelledby"))
			assert.Len(t, labels, 2)
			for _, id := range labels {
				assert.True(t, ids[id], id)
			}
		}
		assert.GreaterOrEqual(t, pictures, 4)
		assert.NotContains(t, page, "url(")
		assert.NotContains(t, page, "@import")
		for _, part := range []string{"NaN", "Inf", "ZgotmplZ", "<no value>", "%!"} {
			assert.NotContains(t, page, part)
		}
		// What is named in the page: the namespace of SVG, which nothing loads, and the server that was measured.
		rest := strings.ReplaceAll(page, `xmlns="http://www.w3.org/2000/svg"`, "")
		assert.NotContains(t, rest, "http:")
		assert.NotContains(t, rest, "https:")
	}
}

func TestPlanHTMLEscapes(t *testing.T) {
	const hostile = `</title></svg></style><script>alert("1")</script>&amp;'`
	r := bigPlan()
	r.Advice.Sentence, r.Advice.Mode = hostile, hostile
	r.Advice.Warnings = []string{hostile}
	r.Assumptions.CookieName = hostile
	r.Latency.Target = hostile
	for i := range r.Formats {
		r.Formats[i].Title = hostile
	}
	for i := range r.Fields {
		r.Fields[i].Name = hostile
		for j := range r.Fields[i].Children {
			r.Fields[i].Children[j].Name = hostile
		}
	}
	for i := range r.Modes {
		m := &r.Modes[i]
		m.Title, m.Revoke, m.Replay, m.Concurrent, m.Outage = hostile, hostile, hostile, hostile, hostile
	}
	page := htmlOf(t, r)
	for _, e := range elements(t, page) {
		assert.NotEqual(t, "script", e.Name.Local)
	}
	assert.NotContains(t, page, "<script")
	assert.Contains(t, page, "&lt;script&gt;")
	plain := htmlOf(t, bigPlan())
	assert.Contains(t, plain, "<code>&lt;script&gt;alert(1)&lt;/script&gt;</code>")
	assert.Equal(t, strings.Count(plain, "</svg>"), strings.Count(page, "</svg>"))
}

// TestPlanHTMLExtremes: charts stay within their pictures, whatever the figures.
func TestPlanHTMLExtremes(t *testing.T) {
	empty := smallPlan()
	for i := range empty.Modes {
		m := &empty.Modes[i]
		m.Up, m.Down, m.Store = 0, 0, planStore{}
	}
	empty.Fields = nil
	empty.Latency = &planLatency{Target: "memory"}
	huge := bigPlan()
	for i := range huge.Modes {
		m := &huge.Modes[i]
		m.Up, m.Down, m.Store.Reads, m.Store.Bytes = 1e18, 1e-9, 1e15, 1e21
	}
	huge.Assumptions.Budget = 4096
	tiny := bigPlan()
	tiny.Assumptions.Budget = 1
	for name, r := range map[string]*planReport{"empty": empty, "huge": huge, "tiny": tiny} {
		t.Run(name, func(t *testing.T) {
			page := htmlOf(t, r)
			assert.NotContains(t, page, "NaN")
			assert.NotContains(t, page, "Inf")
			elements(t, page)
			v := planView{r}
			for _, c := range v.ModeCharts() {
				for _, g := range c.Groups {
					for _, b := range g.Bars {
						assert.LessOrEqual(t, b.X+b.Width, float64(modeWidth-modeValue)+4)
						assert.GreaterOrEqual(t, b.Width, 0.)
						assert.LessOrEqual(t, b.Y+b.Height, float64(c.Height))
					}
				}
			}
			ranges := v.Ranges()
			for _, row := range ranges.Rows {
				inside := []float64{row.Median, row.End, ranges.Budget, ranges.Max}
				require.NotEmpty(t, row.Parts)
				for _, part := range row.Parts {
					assert.Less(t, part.From, part.To)
					inside = append(inside, part.From, part.To)
				}
				for _, x := range inside {
					assert.GreaterOrEqual(t, x, float64(rangeLeft))
					assert.LessOrEqual(t, x, float64(rangeRight))
				}
			}
			for _, h := range v.Histograms() {
				for _, b := range h.Bars {
					assert.LessOrEqual(t, b.X+b.Width, 312.)
					assert.GreaterOrEqual(t, b.Y, float64(histTop))
				}
			}
			for _, row := range v.FieldRows() {
				assert.LessOrEqual(t, row.Bar, 100.01)
			}
		})
	}
}

func TestPlanTexts(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -3072: "-3,072", -100: "-100", 1234567: "1,234,567"} {
		assert.Equal(t, want, countText(n))
	}
	assert.Equal(t, "−1,024", signedText(-1024))
	assert.Equal(t, "1,024", signedText(1024))
	for f, want := range map[float64]string{0: "0", .0001: "<0.001", .00116: "0.00116", 1.157: "1.16", 2: "2", 10.04: "10", 99.96: "100", 500: "500", 1234.4: "1,234", 99999.6: "100,000"} {
		assert.Equal(t, want, numberText(f))
	}
	for f, want := range map[float64]string{0: "0 B", 812: "812 B", 999.4: "999 B", 999.7: "1 kB", 1540: "1.54 kB", 2.5e9: "2.5 GB", 4e18: "4,000 PB"} {
		assert.Equal(t, want, sizeText(f))
	}
	for f, want := range map[float64]string{0: "0 %", .0004: "<0.1 %", .0583: "5.8 %", .5: "50 %", .9999: ">99.9 %", 1: "100 %"} {
		assert.Equal(t, want, shareText(f))
	}
	for us, want := range map[float64]string{.25: "250 ns", 88.2: "88.2 µs", 1204.5: "1.2 ms"} {
		assert.Equal(t, want, microsText(us))
	}
	assert.Equal(t, "1", tripsText(1, 1))
	assert.Equal(t, "0.0017 (at most 2)", tripsText(.0017, 2))
	assert.Equal(t, "0.0611 (at most 1)", tripsText(.0611, 1))
	assert.Equal(t, []span{{"", false}, {"a", true}, {" is b", false}}, spansOf("`a` is b"))
	assert.Equal(t, []span{{"none", false}}, spansOf("none"))
	assert.Equal(t, "日本…", shorten("日本語のコード", 3))
	assert.Equal(t, "日本語", shorten("日本語", 3))
}
