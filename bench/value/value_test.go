package value_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/format"
)

var (
	ops      = []string{"roundtrip", "seal", "open"}
	payloads = []int{64, 128, 256, 512, 1024, 2048, 2688}
)

// BenchmarkValue takes each session to a cookie's value and back.
func BenchmarkValue(b *testing.B) {
	for _, shape := range format.Shapes() {
		for _, size := range shape.Sizes {
			all := contenders(b, shape, size.N)
			for _, op := range ops {
				for _, c := range all {
					b.Run(fmt.Sprintf("shape=%s/size=%s/op=%s/by=%s", shape.Name, size.Name, op, c.by), func(b *testing.B) { c.run(b, op) })
				}
			}
		}
	}
}

// BenchmarkPayload does so with text, of so many bytes as JSON: what a byte costs. With 2,688 of them only gorilla, which writes base64 twice, has
// no cookie that browsers take; with 3,072 no format has one.
func BenchmarkPayload(b *testing.B) {
	for _, n := range payloads {
		for _, c := range contenders(b, format.Texts(), n) {
			b.Run(fmt.Sprintf("bytes=%d/op=roundtrip/by=%s", n, c.by), func(b *testing.B) { c.run(b, "roundtrip") })
		}
	}
}

// contender does a session's work in one way, as often as asked.
type contender struct {
	by          string
	seal        func() error
	open        func() error // what was last sealed
	cookieBytes func() int   // name and value; nil if there is no cookie
}

func (c contender) run(b *testing.B, op string) {
	seal, open := op != "open", op != "seal"
	if err := c.seal(); err != nil {
		b.Fatal(err)
	}
	if c.cookieBytes != nil {
		if n := c.cookieBytes(); n > format.BrowserMax {
			b.Skipf("%s makes a cookie of %d bytes, which browsers refuse", c.by, n)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if seal {
			if err := c.seal(); err != nil {
				b.Fatal(err)
			}
		}
		if open {
			if err := c.open(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if c.cookieBytes != nil {
		b.ReportMetric(float64(c.cookieBytes()), "cookie-bytes")
	}
}

func contenders(t testing.TB, shape format.Shape, n int) []contender {
	all := []contender{
		floorOf(t, shape, n),
		serializerOf("cbor", hardtack.CBOR{}, shape, n),
		serializerOf("json", hardtack.JSON{}, shape, n),
	}
	for _, c := range shape.Values() {
		all = append(all, trialOf(c, n))
	}
	return all
}

// floorOf seals the data in CBOR, which is there already, and leaves it so.
func floorOf(t testing.TB, shape format.Shape, n int) contender {
	plain, err := hardtack.CBOR{}.Marshal(shape.Session(n))
	require.NoError(t, err)
	f := newFloor(t, plain, nil)
	var value string
	return contender{
		by: "floor",
		seal: func() error {
			f.seal()
			value = string(f.text)
			return nil
		},
		open:        func() error { return f.open(value) },
		cookieBytes: func() int { return len(format.CookieName) + len(value) },
	}
}

// serializerOf only encodes and decodes.
func serializerOf(by string, s hardtack.Serializer, shape format.Shape, n int) contender {
	v := shape.Session(n)
	var data []byte
	return contender{
		by: by,
		seal: func() (err error) {
			data, err = s.Marshal(v)
			return err
		},
		open: func() error { return s.Unmarshal(data, shape.Zero()) },
	}
}

func trialOf(c format.Contender, n int) contender {
	trial := c.On(n)
	var value string
	return contender{
		by: c.Name,
		seal: func() (err error) {
			value, err = trial.Seal()
			return err
		},
		open:        func() error { return trial.Open(value) },
		cookieBytes: func() int { return len(format.CookieName) + len(value) },
	}
}

// What the formats do with the sessions, their own tests show.
func TestContenders(t *testing.T) {
	const count = 13
	for _, shape := range format.Shapes() {
		for _, size := range shape.Sizes {
			all := contenders(t, shape, size.N)
			names := map[string]bool{}
			for _, c := range all {
				names[c.by] = true
				assert.Error(t, c.open(), "%s: there is nothing to open", c.by)
				require.NoError(t, c.seal(), c.by)
				require.NoError(t, c.open(), c.by)
			}
			assert.Len(t, names, count)
			assert.Len(t, all, count)
		}
	}
	for _, n := range payloads {
		for _, c := range contenders(t, format.Texts(), n) {
			require.NoError(t, c.seal(), "%s, %d bytes", c.by, n)
			require.NoError(t, c.open(), "%s, %d bytes", c.by, n)
			if c.cookieBytes != nil {
				refused := n == 2688 && strings.HasPrefix(c.by, "gorilla")
				assert.Equal(t, refused, c.cookieBytes() > format.BrowserMax, "%s, %d bytes: %d", c.by, n, c.cookieBytes())
			}
		}
	}
}

// A session that is decoded shares nothing with the one before.
func TestSerializers(t *testing.T) {
	for _, shape := range format.Shapes() {
		for _, s := range []hardtack.Serializer{hardtack.CBOR{}, hardtack.JSON{}} {
			v := shape.Session(shape.Sizes[1].N)
			data, err := s.Marshal(v)
			require.NoError(t, err)
			again, zero := shape.Zero(), shape.Zero()
			require.NoError(t, s.Unmarshal(data, again))
			assert.Equal(t, v, again)
			assert.NotEqual(t, v, zero)
		}
	}
}
