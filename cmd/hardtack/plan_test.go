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
		"a byte order mark":     {"\ufeff{}", nil, 1},
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
		"much too deep":    {`{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "failed", "nested too deeply"},
		"UTF-16":           {"\xff\xfe{\x00}\x00", "not-json", "UTF-16"},
		"UTF-16, unmarked": {"\x00{\x00}", "not-json", "UTF-16"},
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
		{"--pad", "1025"}, {"--lifetime", "0"}, {"--lifetime", "401d"}, {"--writes", "101"}, {"--writes", "-1%"}, {"--writes", "NaN"}, {"--logouts", "half"}, {"--users", "1e5"}, {"--rps", "many"}, {"--html", "-"}} {
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
		for _, f := range alone.report(true) {
			top += f.Max
			assert.Equal(t, f.Mean, float64(f.Max))
		}
		require.Equal(t, len(want), top)
	}
	assert.Equal(t, total, all.total)
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
	assert.Equal(t, []string{anyKey, otherFields}, fieldNames(r.Fields))
	assert.Equal(t, []int{maxFields, 50}, []int{r.Fields[0].Samples, r.Fields[1].Samples})
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

	// A logout sets a cookie too: half a session ends by one in each second.
	ending := planned(t, one, "--rps", "1", "--writes", "100", "--users", "86400", "--logouts", "50")
	require.NoError(t, jar.Delete(w, in, s))
	var gone bytes.Buffer
	require.NoError(t, http.Header{"Set-Cookie": {w.Header().Get("Set-Cookie")}}.Write(&gone))
	for i := range ending.Modes {
		before := planned(t, one, "--rps", "1", "--writes", "100", "--users", "86400", "--logouts", "0").Modes[i].Down
		assert.InDelta(t, float64(gone.Len())/2, ending.Modes[i].Down-before, 1e-9)
	}

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
			ofSize(100), nil, modeStateless, ruleFits, "If this sample is typical, take stateless", []string{"1 sample is little"},
		},
		"a few samples": {
			ofSize(100) + ofSize(9000), nil, modeHybrid, ruleOverflow, "If these samples are typical, take hybrid", []string{"2 samples are little", "`text` takes"},
		},
		"one sample, and it does not matter": {
			ofSize(100), []string{"--revoke"}, modeServerSide, ruleRevoke, "Keep all", []string{"1 sample is little"},
		},
		"most overflow, and browsers would take them": {
			strings.Repeat(ofSize(100)+ofSize(2500)+ofSize(2500), 10), []string{"--budget", "2000"}, modeStateless, ruleProxy, "proxy_buffer_size 8k), because 20 of 30 samples exceed", []string{"leaves 587 bytes of what browsers keep", "`text` takes"},
		},
		"all overflow, and browsers would take them": {
			strings.Repeat(ofSize(2500), 20), []string{"--budget", "2000"}, modeStateless, ruleProxy, "but none the 4,096 that browsers keep; where the proxy cannot be changed, keep all sessions on the server", []string{"leaves 587 bytes of what browsers keep", "`text` takes"},
		},
		"all overflow, and proxies would take them": {
			strings.Repeat(ofSize(500), 20), []string{"--budget", "512"}, modeStateless, ruleProxy, "none the 3,072 that proxies pass as they are installed", []string{"`text` takes"},
		},
		"all overflow, and browsers would take them today": {
			strings.Repeat(ofSize(2944), 20), nil, modeServerSide, ruleMost, "every request would ask a store", []string{"`text` takes"},
		},
		"some overflow, and proxies would take them": {
			strings.Repeat(ofSize(100), 19) + ofSize(1000), []string{"--budget", "512"}, modeHybrid, ruleOverflow, "1 of 20 samples", []string{"All samples fit the 3,072 bytes that proxies pass", "`text` takes"},
		},
		"all overflow": {
			strings.Repeat(ofSize(9000), 20), nil, modeServerSide, ruleMost, "every request would ask a store", []string{"`text` takes"},
		},
		"more sessions than can begin": {
			strings.Repeat(ofSize(100), 20), []string{"--rps", "5", "--lifetime", "1h"}, modeStateless, ruleFits, "no store", []string{"begin 27.8 per second, and 0.5 requests"},
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
	for _, rule := range []string{ruleRevoke, ruleRecord, ruleFits, ruleProxy, ruleMost, ruleOverflow} {
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

// A mode that can save nothing has no traffic, and no store to ask.
func TestPlanOfWhatCannotBeSaved(t *testing.T) {
	r := planned(t, ofSize(9000))
	stateless, server := r.Modes[0], r.Modes[2]
	assert.Zero(t, stateless.Saved+stateless.CookieMean+stateless.Up+stateless.Down)
	assert.Positive(t, server.Down)
	assert.Equal(t, planned(t, ofSize(100)).Modes[2].Down, server.Down, "does not depend on the samples")

	page := filepath.Join(t.TempDir(), "plan.html")
	text := planOf(t, ofSize(1<<20), "--html", page)
	require.Zero(t, text.status, text.err)
	assert.Regexp(t, `\| down, Set-Cookie headers +\| +– \| +– \| +[\d.]+ kB/s \|`, text.out)
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, 6, strings.Count(string(html), ">–</td>"))
	r = planned(t, ofSize(1<<20))
	hybrid := r.Modes[1]
	assert.Zero(t, hybrid.Store)
	assert.Zero(t, hybrid.Saved+hybrid.Stored+hybrid.CookieMean+hybrid.Up+hybrid.Down+hybrid.ReadTrips+hybrid.WriteTrips)
	assert.Zero(t, hybrid.ReadTripsMost+hybrid.WriteTripsMost+hybrid.LoginTripsMost+hybrid.LogoutTripsMost)

	// What can be saved carries all the traffic.
	some, most := planned(t, ofSize(300)+ofSize(1<<20)), planned(t, ofSize(300))
	assert.Equal(t, 0.5, some.Modes[1].Saved)
	assert.Equal(t, []float64{most.Modes[1].Up, most.Modes[1].Down}, []float64{some.Modes[1].Up, some.Modes[1].Down})
}

// Where all are stored, nothing is said of those that are not.
func TestPlanOfStoredAlone(t *testing.T) {
	m := planned(t, ofSize(9000)).Modes[1]
	for _, text := range []string{m.Revoke, m.Replay, m.Concurrent, m.Outage} {
		assert.NotContains(t, text, "in their cookies")
		assert.NotContains(t, text, "%")
	}
}

// Tombstones are of sessions that have begun.
func TestPlanTombstones(t *testing.T) {
	assert.Zero(t, planned(t, ofSize(100), "--rps", "0").Modes[1].Store.Bytes)
	assert.Equal(t, 50*60*.5*(8+43), planned(t, ofSize(100), "--lifetime", "1m").Modes[1].Store.Bytes)
}

// calls is a store that notes what it is asked.
type calls struct {
	*hardtack.MemoryStore
	made []string
}

func (c *calls) note(call string) { c.made = append(c.made, call) }

func (c *calls) Find(ctx context.Context, id string) ([]byte, bool, error) {
	c.note("Find")
	return c.MemoryStore.Find(ctx, id)
}

func (c *calls) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	c.note("Commit")
	return c.MemoryStore.Commit(ctx, id, data, expires)
}

func (c *calls) Delete(ctx context.Context, id string) error {
	c.note("Delete")
	return c.MemoryStore.Delete(ctx, id)
}

func (c *calls) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	c.note("CompareAndSwap")
	return c.MemoryStore.CompareAndSwap(ctx, id, old, new, data, expires)
}

func (c *calls) Index(ctx context.Context, id, subject string, expires time.Time) error {
	c.note("Index")
	return c.MemoryStore.Index(ctx, id, subject, expires)
}

// Round trips are those that a hybrid Jar really makes.
func TestPlanCountsRoundTrips(t *testing.T) {
	for _, subject := range []string{"", "ann"} {
		store := &calls{MemoryStore: hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})}
		jar, err := hardtack.NewHybrid[any](hardtack.Config{Keys: hardtack.EphemeralKeyring()}, store)
		require.NoError(t, err)
		in := &http.Request{Header: make(http.Header)}
		request := func(use func(w http.ResponseWriter, s *hardtack.Session[any]) error) []string {
			store.made = nil
			w := make(headerWriter)
			s, err := jar.Get(in)
			if in.Header.Get("Cookie") != "" {
				require.NoError(t, err)
			}
			require.NoError(t, use(w, s))
			if line := w.Header().Get("Set-Cookie"); line != "" {
				c, err := http.ParseSetCookie(line)
				require.NoError(t, err)
				in.Header.Set("Cookie", c.Name+"="+c.Value)
			}
			return store.made
		}
		save := func(change func(*hardtack.Session[any])) func(http.ResponseWriter, *hardtack.Session[any]) error {
			return func(w http.ResponseWriter, s *hardtack.Session[any]) error {
				change(s)
				_, err := jar.Save(w, in, s)
				return err
			}
		}
		request(save(func(s *hardtack.Session[any]) { s.SetSubject(subject); s.Data = strings.Repeat("x", 9000) }))
		read := request(func(http.ResponseWriter, *hardtack.Session[any]) error { return nil })
		saved := request(save(func(s *hardtack.Session[any]) { s.Data = strings.Repeat("y", 9000) }))
		login := request(save(func(s *hardtack.Session[any]) { s.Renew() }))
		logout := request(func(w http.ResponseWriter, s *hardtack.Session[any]) error { return jar.Delete(w, in, s) })

		m := planned(t, ofSize(9000), "--subject", fmt.Sprint(len(subject))).Modes[1]
		assert.Equal(t, []int{m.ReadTripsMost, m.WriteTripsMost, m.LoginTripsMost, m.LogoutTripsMost}, []int{len(read), len(saved), len(login), len(logout)},
			"%q: %v, %v, %v, %v", subject, read, saved, login, logout)
	}
	m := planned(t, ofSize(100)).Modes[1]
	assert.Equal(t, []int{0, 0, 0, 1}, []int{m.ReadTripsMost, m.WriteTripsMost, m.LoginTripsMost, m.LogoutTripsMost})
}

// Keys of maps that look like names are not told apart, if they are many and few samples have each.
func TestPlanCollapsesMaps(t *testing.T) {
	words := strings.Fields("ann bob carol dave erin frank grace heidi ivan judy mallory niaj")
	var in strings.Builder
	for i, word := range words {
		fmt.Fprintf(&in, `{"id":1,"carts":{"total":1,"%s":{"lines":[{"sku":"%s"}]},"%s":{"lines":[]}},"rows":[{"%s":1}]}`, word, strings.Repeat("x", 100), words[(i+1)%len(words)], word)
	}
	r := planOf(t, in.String(), "--json")
	for _, word := range words {
		assert.NotContains(t, r.out, word)
	}
	fields := decode[planReport](t, r.out).Fields
	assert.Equal(t, []string{"carts", "rows", "id"}, fieldNames(fields))
	carts := fields[0].Children
	require.Equal(t, []string{"carts.*", "carts.total"}, fieldNames(carts))
	require.Equal(t, []string{"carts.*.lines"}, fieldNames(carts[0].Children))
	assert.Equal(t, []string{"carts.*.lines[].sku"}, fieldNames(carts[0].Children[0].Children))
	assert.Equal(t, len(words), carts[0].Samples)
	sku := carts[0].Children[0].Children[0]
	assert.Equal(t, []int{len(words), 4 + 2 + 100}, []int{sku.Samples, sku.Max})

	// Ten are told apart, and so are those that half of the samples have.
	few := collapsed(map[string]*weight{".a": {name: "a", uses: make([]use, 1)}}, 100)
	assert.Contains(t, few, ".a")
	many := make(map[string]*weight)
	for i := range 20 {
		many["."+string(rune('a'+i))] = &weight{name: string(rune('a' + i)), uses: make([]use, 5)}
	}
	assert.Len(t, collapsed(many, 10), 20)
	assert.Len(t, collapsed(many, 11), 1)
}

// With --names=false no name is shown anywhere.
func TestPlanWithoutNames(t *testing.T) {
	in := `{"hunter2":{"secret":"` + strings.Repeat("x", 5000) + `","b":1},"other":1,"no name!":2}`
	page := filepath.Join(t.TempDir(), "plan.html")
	r := planned(t, in, "--names=false", "--html", page)
	assert.Equal(t, []string{"field 1", "field 2", otherFields}, fieldNames(r.Fields))
	assert.Equal(t, []string{"field 1.1", "field 1.2"}, fieldNames(r.Fields[0].Children))
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, out := range []string{string(html), planOf(t, in, "--names=false").out, planOf(t, in, "--names=false", "--json").out} {
		assert.NotContains(t, out, "hunter2")
		assert.NotContains(t, out, "secret")
		assert.Contains(t, out, "field 1.1")
	}
	assert.Contains(t, planOf(t, in).out, "`hunter2.secret`")
}

// --html never takes away what is not an earlier report.
func TestPlanOverwritesReportsOnly(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	content := func(path string) string {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(data)
	}
	samples, more := file("samples.jsonl", `{"a":1}`), file("more.jsonl", `{"a":2}`)
	for _, args := range [][]string{{samples, more}, {samples, samples}, {samples}, {dir, more}} {
		r := planOf(t, "{}", append([]string{"--html"}, args...)...)
		assert.NotZero(t, r.status, args)
		assert.Empty(t, r.out)
		assert.NotEmpty(t, r.err)
		assert.Equal(t, `{"a":1}`, content(samples))
	}
	other := file("index.html", "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>Somebody else's</title>")
	was := content(other)
	require.NotZero(t, planOf(t, "{}", "--html", other).status)
	assert.Equal(t, was, content(other), "a page that is no report")
	page := file("page.html", "")
	for range 2 { // an empty file, and a report
		r := planOf(t, "{}", "--html", page)
		require.Zero(t, r.status, r.err)
		assert.True(t, strings.HasPrefix(content(page), pageStart))
	}
	before := content(page)
	r := planOf(t, "{}", "--html", page, page)
	assert.Equal(t, exitUsage, r.status)
	assert.Contains(t, r.err, "one of the files")
	assert.Equal(t, before, content(page))

	link := filepath.Join(dir, "link.html")
	require.NoError(t, os.Symlink(page, link))
	r = planOf(t, ofSize(9000), "--html", link)
	require.Zero(t, r.status, r.err)
	assert.NotEqual(t, before, content(page), "through the link")
	entries, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	assert.Empty(t, entries, "nothing stays")

	r = planOf(t, "{}", "--html", "-")
	assert.Equal(t, exitUsage, r.status)
}

// A terminal obeys no path.
func TestPlanEscapesPaths(t *testing.T) {
	odd := filepath.Join(t.TempDir(), "a\x1b[31m")
	require.NoError(t, os.Mkdir(odd, 0o700))
	for _, args := range [][]string{{odd}, {odd + "x"}, {"--html", odd}, {"--html", filepath.Join(odd+"x", "y.html")}, {"--measure", "env:\x1b[31m"}} {
		r := planOf(t, "{}", args...)
		assert.Equal(t, exitFailure, r.status, args)
		assert.NotContains(t, r.err, "\x1b")
		assert.Contains(t, r.err, `\u001b`)
	}
	r := planOf(t, "{}", "--users", "1e5")
	assert.Contains(t, r.err, "not a whole number")
	assert.NotContains(t, r.err, "strconv")
}
