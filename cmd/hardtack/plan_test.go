package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// UnmarshalText reads what MarshalText writes.
func (d *durationFlag) UnmarshalText(text []byte) error { return d.Set(string(text)) }

// planOf runs plan with these samples as standard input.
func planOf(t *testing.T, in string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{in: strings.NewReader(in), out: &out, err: &errs, now: func() time.Time { return noon }}
	status := a.run(context.Background(), append([]string{"plan"}, args...))
	return result{status, out.String(), errs.String()}
}

// planned is the report on these samples.
func planned(t *testing.T, in string, args ...string) planReport {
	t.Helper()
	r := planOf(t, in, append(args, "--json")...)
	require.Zero(t, r.status, r.err)
	require.Empty(t, r.err)
	return decode[planReport](t, r.out)
}

// ofSize is a sample whose text has n characters that do not compress.
func ofSize(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	random := rand.New(rand.NewPCG(uint64(n), 1))
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[random.IntN(len(alphabet))]
	}
	return fmt.Sprintf(`{"text":%q}`+"\n", text)
}

func TestPlanGolden(t *testing.T) {
	for name, args := range map[string][]string{
		"plan-shop.txt":   {"testdata/plan-shop.jsonl"},
		"plan-shop.json":  {"testdata/plan-shop.jsonl", "--json"},
		"plan-flags.txt":  {"testdata/plan-shop.jsonl", "--lifetime", "30d", "--rps", "20", "--users", "2000", "--budget", "1000", "--writes", "2.5%", "--logouts", "0", "--subject", "0", "--pad", "64", "--revoke"},
		"plan-single.txt": {"testdata/plan-single.json"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, append([]string{"plan"}, args...)...)
			require.Zero(t, r.status, r.err)
			assert.Empty(t, r.err)
			golden(t, name, r.out)
		})
	}
}

func TestPlanReadsSamples(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	one, many := file("one.json", `{"a":1}`), file("many.json", ` [ {"a":1} , {"a":2} ] `)
	for name, c := range map[string]struct {
		in    string
		args  []string
		count int
	}{
		"an object":             {`{"a":1}`, nil, 1},
		"an object, by -":       {`{"a":1}`, []string{"-"}, 1},
		"objects":               {`{"a":1}{"a":2} {"a":3}`, nil, 3},
		"lines":                 {"{\"a\":1}\n{\"a\":2}\r\n\n", nil, 2},
		"an array":              {`[{"a":1},{"a":2},{"a":3}]`, nil, 3},
		"arrays and objects":    {`[{"a":1}] {"a":2} [] [{"a":3},{}]`, nil, 4},
		"an array in an object": {`{"a":[{"b":1},{"b":2}]}`, nil, 1},
		"files":                 {"", []string{one, many, one}, 4},
		"files and -":           {`{"a":1}`, []string{one, "-", many}, 4},
		"nothing in it":         {`{}`, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.count, planned(t, c.in, c.args...).Samples.Count)
		})
	}
}

func TestPlanRefusesSamples(t *testing.T) {
	const secret = "hunter2"
	for name, c := range map[string]struct {
		in, code, says string
	}{
		"nothing":          {"", "no-sample", "no session"},
		"an empty array":   {"[] []", "no-sample", "no session"},
		"text":             {secret, "not-json", "not JSON"},
		"half an object":   {`{"` + secret, "not-json", "not JSON"},
		"half an array":    {`[{"a":"` + secret + `"},`, "not-json", "not JSON"},
		"no value":         {`{"a":` + secret + `}`, "not-json", "not JSON"},
		"a string":         {`"` + secret + `"`, "failed", "session 1: is not a JSON object"},
		"a number":         {`{"a":1} 2`, "failed", "session 2: is not a JSON object"},
		"null":             {`[{"a":1},null]`, "failed", "session 2: is not a JSON object"},
		"an array of one":  {`[["` + secret + `"]]`, "failed", "session 1: is not a JSON object"},
		"a number too far": {`{"a":[{"b":1e999}]}`, "failed", "number that is too large"},
		"too deep":         {`{"` + secret + `":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "failed", "nested too deeply"},
		"much too deep":    {`{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "not-json", "not JSON"},
		"one too large":    {`{"a":"` + strings.Repeat("x", maxSampleBytes) + `"}`, "failed", "more than 4 MiB"},
		"all too large":    {strings.Repeat(" ", maxSampleInput) + "{}", "too-large", "more than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			r := planOf(t, c.in, "--json")
			assert.Equal(t, exitFailure, r.status)
			assert.Equal(t, c.code, errorCode(t, r))
			assert.Contains(t, r.err, c.says)
			assert.NotContains(t, r.err, secret)
			assert.Empty(t, r.out)
		})
	}
	for _, args := range [][]string{{"-", "-"}, {"--rps", "-1"}, {"--rps", "NaN"}, {"--rps", "Inf"}, {"--users", "-1"}, {"--budget", "255"}, {"--budget", "4097"}, {"--subject", "256"}, {"--pad", "0"},
		{"--pad", "1025"}, {"--lifetime", "0"}, {"--lifetime", "401d"}, {"--writes", "101"}, {"--writes", "-1%"}, {"--writes", "NaN"}, {"--logouts", "half"}} {
		r := planOf(t, "{}", args...)
		assert.Equal(t, exitUsage, r.status, args)
		assert.NotEmpty(t, r.err, args)
		assert.Empty(t, r.out, args)
	}
	r := planOf(t, "{}", filepath.Join(t.TempDir(), "none.json"))
	assert.Equal(t, exitFailure, r.status)
	r = planOf(t, "{}", t.TempDir())
	assert.Equal(t, exitFailure, r.status)
}

func TestPlanReadsSoManySamples(t *testing.T) {
	n := 0
	count := func(sample) error { n++; return nil }
	require.NoError(t, readSamples(strings.NewReader(strings.Repeat("{}", maxSamples)), nil, count))
	assert.Equal(t, maxSamples, n)
	for _, in := range []string{strings.Repeat("{}", maxSamples+1), "[" + strings.Repeat("{},", maxSamples) + "{}]"} {
		assert.ErrorContains(t, readSamples(strings.NewReader(in), nil, count), "session 10001: is one more than")
	}
}

// A terminal that nobody types at does not keep the command from being interrupted.
func TestPlanCanBeInterrupted(t *testing.T) {
	in, typed := io.Pipe()
	defer typed.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	status := make(chan int)
	go func() {
		a := &app{in: in, out: io.Discard, err: io.Discard, now: time.Now}
		status <- a.run(ctx, []string{"plan"})
	}()
	_, err := io.WriteString(typed, "{")
	require.NoError(t, err)
	interrupt()
	select {
	case s := <-status:
		assert.Equal(t, exitFailure, s)
	case <-time.After(10 * time.Second):
		t.Fatal("goes on")
	}
}

// All faults are told at once.
func TestPlanTellsAllFaults(t *testing.T) {
	r := planOf(t, "{}", "--rps", "-1", "--budget", "9", "--lifetime", "0")
	for _, name := range []string{"--rps", "--budget", "--lifetime"} {
		assert.Contains(t, r.err, name)
	}
}

func TestPlanNumbers(t *testing.T) {
	var got sample
	require.NoError(t, readSamples(strings.NewReader(`{"a":[0,-1,9223372036854775807,-9223372036854775808,18446744073709551615,18446744073709551616,1.5,1e3,2.0],"b":{"c":7}}`), nil, func(s sample) error {
		got = s
		return nil
	}))
	assert.Equal(t, sample{
		"a": []any{int64(0), int64(-1), int64(1<<63 - 1), int64(-1 << 63), uint64(1<<64 - 1), float64(1 << 64), 1.5, 1000.0, 2.0},
		"b": map[string]any{"c": int64(7)},
	}, got)
}

// randomSample is any JSON, a few levels deep.
func randomSample(random *rand.Rand, depth int) any {
	switch kind := random.IntN(8); {
	case depth == 0 || kind == 0:
		m := map[string]any{}
		for range random.IntN(30 / (depth + 1)) {
			m[strings.Repeat(string(rune('a'+random.IntN(26))), 1+random.IntN(30))] = randomSample(random, depth+1)
		}
		return m
	case kind == 1 && depth < 5:
		list := []any{}
		for range random.IntN(300 / (depth * depth)) {
			list = append(list, randomSample(random, depth+2))
		}
		return list
	case kind < 4:
		return strings.Repeat("x", random.IntN(300))
	case kind == 4:
		return random.Int64N(1<<40) - 1<<39
	case kind == 5:
		return random.Float64()
	case kind == 6:
		return random.IntN(2) == 0
	}
	return nil
}

// The weights of fields are those of CBOR, to the byte.
func TestWeightsAreThoseOfCBOR(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all weights
	total := 0
	for range 100 {
		data := randomSample(random, 0).(map[string]any)
		want, err := hardtack.CBOR{}.Marshal(data)
		require.NoError(t, err)
		total += len(want)
		require.Equal(t, len(want), all.add(data))
		var alone weights
		alone.add(data)
		top := headSize(len(data))
		for _, f := range alone.report() {
			top += f.Max
			assert.Equal(t, f.Mean, float64(f.Max))
		}
		require.Equal(t, len(want), top)
	}
	assert.Equal(t, total, all.root.total)
	assert.LessOrEqual(t, all.fields, 2*maxFields+1) // each may have an "(other)"
}

func TestWeightsTakeApart(t *testing.T) {
	r := planned(t, `{"id":1,"cart":{"note":"","lines":[{"sku":"`+strings.Repeat("x", 200)+`","n":[1,{"deep":2}]},{"sku":"y"}]}}
		{"id":2}`)
	require.Len(t, r.Fields, 2)
	cart := r.Fields[0]
	assert.Equal(t, []string{"cart", "id"}, fieldNames(r.Fields))
	assert.Equal(t, []string{"cart.lines", "cart.note"}, fieldNames(cart.Children))
	assert.Equal(t, []string{"cart.lines[].sku", "cart.lines[].n"}, fieldNames(cart.Children[0].Children))
	sku := cart.Children[0].Children[0]
	assert.Equal(t, planField{Name: "cart.lines[].sku", Samples: 1, Mean: float64(4+2+200+4+2) / 2, Max: 4 + 2 + 200 + 4 + 2, Share: sku.Share}, sku)
	assert.Empty(t, cart.Children[0].Children[1].Children, "does not weigh enough")
	assert.Equal(t, 2, r.Fields[1].Samples)
}

func fieldNames(fields []planField) (n []string) {
	for _, f := range fields {
		n = append(n, f.Name)
	}
	return n
}

// Names that are data are not told apart, and stand last.
func TestPlanHidesKeysOfMaps(t *testing.T) {
	for name, shown := range map[string]bool{
		"user": true, "csrf_token": true, "oauth2": true, "X-Request-Id": true, "urn:name": true, "address.line1": true,
		"": false, "ann@example.com": false, "0190e2a4-7c3b-7d5e-9f10-2b6c8d4e1a37": false, "c3b07d5e9f10": false, "two words": false, "a|b": false, "`x`": false,
		"\x1b[31m": false, "名前": false, "<script>": false, "user-4711": false, strings.Repeat("x", 41): false,
	} {
		assert.Equal(t, shown, presentable(name), name)
	}
	r := planned(t, `{"a":1,"ann@example.com":"`+strings.Repeat("x", 99)+`","bob@example.com":2}`)
	assert.Equal(t, []string{"a", otherFields}, fieldNames(r.Fields))
	assert.Equal(t, 1, r.Fields[1].Samples)

	var in strings.Builder
	for i := range maxFields + 50 {
		fmt.Fprintf(&in, `{"%s":1}`, strings.Map(func(c rune) rune { return c + 'a' - '0' }, fmt.Sprint(i)))
	}
	r = planned(t, in.String())
	require.Len(t, r.Fields, maxFields+1)
	assert.Equal(t, otherFields, r.Fields[maxFields].Name)
	assert.Equal(t, 50, r.Fields[maxFields].Samples)
}

// No report has a value of a sample, or a key that looks like data.
func TestPlanPrintsNoData(t *testing.T) {
	const secret = "hunter2"
	for _, in := range []string{
		`{"password":"` + secret + `","list":["` + secret + `"],"map":{"ann-` + secret + `@example.com":"` + secret + `"}}`,
		`{"number":271828182845,"password":"` + strings.Repeat(secret, 1000) + `"}`,
	} {
		page := filepath.Join(t.TempDir(), "plan.html")
		for _, args := range [][]string{{"--html", page}, {"--json"}} {
			r := planOf(t, in, args...)
			require.Zero(t, r.status, r.err)
			assert.NotContains(t, r.out+r.err, secret)
			assert.NotContains(t, r.out, "271828182845")
			assert.Contains(t, r.out, "password")
		}
		html, err := os.ReadFile(page)
		require.NoError(t, err)
		assert.NotContains(t, string(html), secret)
		assert.Contains(t, string(html), "password")
	}
}

// The sizes are those that the library itself explains.
func TestPlanAgreesWithExplain(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	config := hardtack.Config{Keys: hardtack.EphemeralKeyring(), Now: func() time.Time { return noon }, Budget: hardtack.Budget{Inline: 1500}}
	stateless, err := hardtack.New[any](config)
	require.NoError(t, err)
	hybrid, err := hardtack.NewHybrid[any](config, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	stored := 0
	for range 40 {
		data := randomSample(random, 0)
		in, err := json.Marshal(data)
		require.NoError(t, err)
		r := planned(t, string(in), "--subject", "0", "--budget", "1500")
		s, _ := stateless.Explain(data)
		h, err := hybrid.Explain(data)
		require.NoError(t, err)
		assert.Equal(t, s.InlineBytes, r.Formats[0].Cookie.Max)
		assert.Equal(t, s.HeadRoom, r.Formats[0].HeadRoomMax)
		assert.Equal(t, h.HeadRoom, r.Formats[0].HeadRoomBudget)
		assert.Equal(t, s.PayloadBytes, r.Samples.CBOR.Max)
		assert.InDelta(t, h.CookieBytes, r.Modes[1].CookieMean, 1e-9)
		assert.InDelta(t, h.RecordBytes, r.Modes[1].Store.RecordMean, 1e-9)
		assert.Equal(t, float64(h.StoreReads), r.Modes[1].ReadTrips)
		assert.Equal(t, float64(h.StoreReads+h.StoreWrites), r.Modes[1].WriteTrips)
		if h.Where == hardtack.InStore {
			stored++
		}
	}
	assert.True(t, 5 < stored && stored < 35, "%d", stored)
}

// Every format is the one that it says it is.
func TestPlanFormats(t *testing.T) {
	s, err := newScales(planAssumptions{Lifetime: durationFlag(day), Budget: 3072, Max: maxCookie, PadTo: 256, CookieName: hardtack.DefaultName}, func() time.Time { return noon })
	require.NoError(t, err)
	var all []string
	for _, f := range s.formats {
		all = append(all, f.Name)
		c := f.jar.Config()
		assert.Equal(t, strings.Contains(f.Name, "compressed"), c.InsecureCompression != nil, f.Name)
		assert.Equal(t, f.Compressed, c.InsecureCompression != nil, f.Name)
		assert.Equal(t, strings.Contains(f.Name, "padded"), c.PadTo == 256, f.Name)
		assert.Equal(t, f.PadTo, c.PadTo, f.Name)
		assert.Equal(t, f.Encrypted, c.Codec == nil || c.Codec.Encrypts(), f.Name)
		assert.Equal(t, strings.Contains(f.Name, "cbor"), c.Serializer == hardtack.Serializer(hardtack.CBOR{}), f.Name)
		_, err := hardtack.NewHybrid[any](c, new(meter))
		assert.Equal(t, f.Hybrid, err == nil, f.Name)
	}
	assert.Equal(t, []string{"sealed-cbor", "sealed-cbor-compressed", "sealed-cbor-padded", "sealed-cbor-compressed-padded", "sealed-json", "sealed-json-compressed", "signed-hs256", "signed-eddsa"}, all)
}

// What goes over the wire is what net/http writes.
func TestPlanCountsTheWire(t *testing.T) {
	one := ofSize(500)
	r := planned(t, one, "--rps", "1", "--writes", "100", "--users", "0")
	jar, err := hardtack.New[any](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
	require.NoError(t, err)
	w, in := make(headerWriter), &http.Request{Header: make(http.Header)}
	s, _ := jar.Get(in)
	s.SetSubject(strings.Repeat("s", 36))
	require.NoError(t, json.Unmarshal([]byte(one), &s.Data))
	_, err = jar.Save(w, in, s)
	require.NoError(t, err)
	line := w.Header().Get("Set-Cookie")
	var down bytes.Buffer
	require.NoError(t, http.Header{"Set-Cookie": {line}}.Write(&down))
	assert.Equal(t, float64(down.Len()), r.Modes[0].Down)

	out, err := http.NewRequest(http.MethodGet, "https://shop.example/", nil)
	require.NoError(t, err)
	var without, with bytes.Buffer
	require.NoError(t, out.Write(&without))
	cookie, err := http.ParseSetCookie(line)
	require.NoError(t, err)
	out.AddCookie(cookie)
	require.NoError(t, out.Write(&with))
	assert.Equal(t, float64(with.Len()-without.Len()), r.Modes[0].Up)
}

// The load on the wire and on the store follows from the flags.
func TestPlanLoad(t *testing.T) {
	in := ofSize(300) + ofSize(3000) + ofSize(3100) + ofSize(400)
	r := planned(t, in, "--rps", "1000", "--writes", "20", "--users", "864000", "--lifetime", "1d", "--logouts", "30")
	assert.Equal(t, 10.0, r.Assumptions.SessionsPerSecond)
	stateless, hybrid, server := r.Modes[0], r.Modes[1], r.Modes[2]
	assert.Equal(t, []string{modeStateless, modeHybrid, modeServerSide}, []string{stateless.Name, hybrid.Name, server.Name})
	assert.Equal(t, []float64{0.5, 1, 1}, []float64{stateless.Saved, hybrid.Saved, server.Saved})
	assert.Equal(t, []float64{0, 0.5, 1}, []float64{stateless.Stored, hybrid.Stored, server.Stored})
	assert.Zero(t, stateless.Store)
	assert.Equal(t, []float64{500, 100, 6.5, 3}, []float64{hybrid.Store.Reads, hybrid.Store.Writes, hybrid.Store.Index, hybrid.Store.Ends})
	assert.Equal(t, []float64{1000, 200, 0, 3}, []float64{server.Store.Reads, server.Store.Writes, server.Store.Index, server.Store.Ends})
	assert.InDelta(t, 864000*(0.5*(hybrid.Store.RecordMean+43+86)+0.3*(8+43)), hybrid.Store.Bytes, 1)
	assert.InDelta(t, 864000*(server.Store.RecordMean+43), server.Store.Bytes, 1)
	assert.Equal(t, r.Samples.CBOR.Mean, server.Store.RecordMean)
	assert.Equal(t, []int{0, 1, 1}, []int{stateless.ReadTripsMost, hybrid.ReadTripsMost, server.ReadTripsMost})
	assert.Equal(t, []float64{0, 1, 2}, []float64{stateless.WriteTrips, hybrid.WriteTrips, server.WriteTrips})
	assert.Less(t, server.Up, hybrid.Up)
	assert.Less(t, hybrid.Down, stateless.Down)

	// Sessions do not begin more often than there are requests that save them.
	r = planned(t, in, "--rps", "1", "--writes", "20", "--users", "864000", "--lifetime", "1d")
	assert.Equal(t, 0.2, r.Assumptions.SessionsPerSecond)
	r = planned(t, in, "--subject", "0")
	assert.Zero(t, r.Modes[1].Store.Index)
	assert.Contains(t, r.Modes[1].Revoke, "without a subject")
}

func TestPlanBins(t *testing.T) {
	r := planned(t, ofSize(10)+ofSize(300)+ofSize(3000)+ofSize(20_000))
	for _, f := range r.Formats {
		sum := 0
		for _, n := range f.Bins {
			sum += n
		}
		assert.Equal(t, 4, sum, f.Name)
		assert.Equal(t, f.OverMax, f.Bins[16], f.Name)
	}
	one := planned(t, ofSize(300)).Formats[0]
	assert.Equal(t, 1, one.Bins[(one.Cookie.Max-1)/256])
	// 256 bytes are in the first bin, 257 in the second.
	f := format{cookie: []int{1, 256, 257, 4096, 4097}}
	got := f.report(planAssumptions{Budget: 3072, Max: 4096})
	assert.Equal(t, [17]int{0: 2, 1: 1, 15: 1, 16: 1}, got.Bins)
	assert.Equal(t, []int{2, 1}, []int{got.OverBudget, got.OverMax})
}

func TestPlanSpread(t *testing.T) {
	assert.Zero(t, spread(nil))
	assert.Equal(t, planSpread{7, 7, 7, 7, 7}, spread([]int{7}))
	var hundred []int
	for i := range 100 {
		hundred = append(hundred, 100-i)
	}
	assert.Equal(t, planSpread{Min: 1, Median: 50, Mean: 50.5, P95: 95, Max: 100}, spread(hundred))
	assert.Equal(t, planSpread{Min: 1, Median: 1, Mean: 2, P95: 3, Max: 3}, spread([]int{3, 1}))
}

// Each rule of the advice, and each warning.
func TestPlanAdvice(t *testing.T) {
	repeated := `{"text":"` + strings.Repeat("biscuit ", 400) + `","n":1}`
	for name, c := range map[string]struct {
		in         string
		args       []string
		mode, rule string
		sentence   string
		warnings   []string // in part
	}{
		"nothing overflows": {
			strings.Repeat(ofSize(100), 20), nil, modeStateless, ruleFits, "no store is needed", nil,
		},
		"few samples": {
			ofSize(100), nil, modeStateless, ruleFits, "no store", []string{"1 sample is little"},
		},
		"near the budget": {
			strings.Repeat(ofSize(2000), 20), nil, modeStateless, ruleFits, "within the budget of 3,072", []string{"if sessions grow"},
		},
		"every copy must end": {
			strings.Repeat(ofSize(100), 20), []string{"--revoke"}, modeServerSide, ruleRevoke, "cannot be called back", nil,
		},
		"some overflow": {
			strings.Repeat(ofSize(100), 19) + ofSize(9000), nil, modeHybrid, ruleOverflow, "1 of 20 samples exceeds the budget", []string{"`text` takes"},
		},
		"half overflow": {
			strings.Repeat(ofSize(100)+ofSize(9000), 10), nil, modeHybrid, ruleOverflow, "10 of 20 samples exceed the budget", []string{"`text` takes"},
		},
		"most overflow": {
			strings.Repeat(ofSize(100)+ofSize(9000)+ofSize(9000), 10), nil, modeServerSide, ruleMost, "20 of 30 samples exceed", []string{"`text` takes"},
		},
		"browsers would take them": {
			strings.Repeat(ofSize(100), 19) + ofSize(2500), []string{"--budget", "2000"}, modeHybrid, ruleOverflow, "1 of 20 samples", []string{"proxy_buffer_size 8k", "`text` takes"},
		},
		"a budget as large as it can be": {
			strings.Repeat(ofSize(100), 19) + ofSize(2500), []string{"--budget", "4096"}, modeStateless, ruleFits, "within the budget of 4,096", []string{"if sessions grow"},
		},
		"compression would do": {
			strings.Repeat(ofSize(100), 19) + repeated, nil, modeHybrid, ruleOverflow, "1 of 20 samples", []string{"InsecureCompression", "`text` takes"},
		},
		"too large for a record": {
			strings.Repeat(ofSize(100), 19) + ofSize(1<<20), nil, modeServerSide, ruleRecord, "1 MiB", []string{"`text` takes"},
		},
		"many fields": {
			strings.Repeat(ofSize(100), 19) + `{"a":` + ofSize(1150) + `,"b":` + ofSize(1100) + `,"c":` + ofSize(1000) + `}`,
			nil, modeHybrid, ruleOverflow, "1 of 20", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := planned(t, c.in, c.args...).Advice
			assert.Equal(t, []string{c.mode, c.rule}, []string{got.Mode, got.Rule})
			assert.Contains(t, got.Sentence, c.sentence)
			assert.Equal(t, 1, strings.Count(got.Sentence, ". ")+1, "one sentence")
			require.Len(t, got.Warnings, len(c.warnings), "%q", got.Warnings)
			for i, part := range c.warnings {
				assert.Contains(t, got.Warnings[i], part)
			}
		})
	}
}

// With --measure the report has what a request would wait, of records as large as the samples'.
func TestPlanMeasures(t *testing.T) {
	in := ofSize(300) + ofSize(3000)
	r := planned(t, in, "--measure", "memory")
	require.NotNil(t, r.Latency)
	assert.Equal(t, "memory", r.Latency.Target)
	assert.InDelta(t, r.Modes[1].Store.RecordMean, r.Latency.RecordBytes, 1)
	text := planOf(t, in, "--measure", "memory")
	require.Zero(t, text.status, text.err)
	assert.Contains(t, text.out, "## Latency")
	assert.Contains(t, text.out, "time to read, on average")
	assert.InDelta(t, planned(t, ofSize(300)).Samples.CBOR.Mean, planned(t, ofSize(300), "--measure", "memory").Latency.RecordBytes, 1)

	wrong := planOf(t, in, "--measure", "elsewhere")
	assert.Equal(t, exitUsage, wrong.status)
	assert.Empty(t, wrong.out)
}

// The page and the text say the same.
func TestPlanWritesAPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "plan.html")
	r := planOf(t, ofSize(300), "--html", page)
	require.Zero(t, r.status, r.err)
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	sentence := planned(t, ofSize(300)).Advice.Sentence
	assert.Contains(t, r.out, sentence)
	assert.Contains(t, string(html), sentence)

	r = planOf(t, ofSize(300), "--html", filepath.Join(t.TempDir(), "no", "folder.html"))
	assert.Equal(t, exitFailure, r.status)
}

// The text is Markdown: every row of a table has as many cells as its head.
func TestPlanTablesAreWhole(t *testing.T) {
	r := planOf(t, ofSize(300)+ofSize(9000), "--measure", "memory")
	require.Zero(t, r.status, r.err)
	cells, tables := 0, map[string]bool{}
	for line := range strings.Lines(r.out) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		if cells == 0 {
			tables[line] = true
			cells = strings.Count(line, "|")
		}
		assert.Equal(t, cells, strings.Count(line, "|"), line)
	}
	assert.Len(t, slices.Collect(maps.Keys(tables)), 4)
}

// docs/plan.md has the real output of the command that it shows.
func TestPlanDocumentIsTrue(t *testing.T) {
	doc, err := os.ReadFile("../../docs/plan.md")
	require.NoError(t, err)
	const prompt = "    $ go run ./cmd/hardtack "
	_, rest, found := strings.Cut(string(doc), prompt)
	require.True(t, found, "no command")
	command, rest, _ := strings.Cut(rest, "\n")
	_, rest, found = strings.Cut(rest, "<!-- output -->\n")
	require.True(t, found)
	want, _, found := strings.Cut(rest, "<!-- /output -->\n")
	require.True(t, found)
	r := run(t, strings.Fields(strings.ReplaceAll(command, "cmd/hardtack/testdata", "testdata"))...)
	require.Zero(t, r.status, r.err)
	got := "```\n" + r.out + "```\n"
	if *update {
		require.NoError(t, os.WriteFile("../../docs/plan.md", []byte(strings.Replace(string(doc), want, got, 1)), 0o644))
		return
	}
	assert.Equal(t, want, got)
}

// docs/plan.md explains each rule and each flag.
func TestPlanDocumentIsComplete(t *testing.T) {
	doc, err := os.ReadFile("../../docs/plan.md")
	require.NoError(t, err)
	for _, rule := range []string{ruleRevoke, ruleRecord, ruleFits, ruleMost, ruleOverflow} {
		assert.Contains(t, string(doc), "`"+rule+"`")
	}
	flags := 0
	newPlanCommand(new(app)).Flags().VisitAll(func(f *pflag.Flag) {
		flags++
		assert.Contains(t, string(doc), "`--"+f.Name)
	})
	assert.Greater(t, flags, 9)
}

func FuzzReadSamples(f *testing.F) {
	for _, seed := range []string{`{}`, `[{"a":1},{"b":[1,2.5,null,true,{"c":"d"}]}]`, `{"a":1}{"a":2}`, `[`, `{"a":1e999}`, `"x"`, " \n{}\n", `[[]]`, "\ufeff{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		n := 0
		var all weights
		err := readSamples(strings.NewReader(in), nil, func(s sample) error {
			n++
			if data, err := (hardtack.CBOR{}).Marshal(s); err == nil {
				assert.Equal(t, len(data), all.add(s))
			}
			return nil
		})
		if err == nil {
			assert.Positive(t, n)
		}
	})
}
