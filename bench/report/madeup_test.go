package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var sizes = []string{"small", "medium", "large"}

// madeUp returns all cells of the contract with invented values, in the Go benchmark format.
func madeUp() string {
	var b strings.Builder
	b.WriteString("date: 2026-01-02\ngo: 1.26.0\ncores: 2\ngithub.com/gorilla/sessions: v1.4.0\ngoos: linux\ngoarch: amd64\ncpu: Made Up 1000\n")
	for round := range fullRounds {
		b.WriteString("pkg: example.com/bench/value\n")
		wobble := 1 + 0.02*float64(round) // the whole round
		line := func(name string, ns float64, more string) {
			fmt.Fprintf(&b, "Benchmark%s-2 \t 1000 \t %.2f ns/op%s\t 64 B/op\t %d allocs/op\n", name, ns*wobble, more, int(math.Log2(ns)))
		}
		cost := func(names []string, by string) float64 {
			return float64(2 + 2*slices.Index(names, by)*slices.Index(names, by))
		}
		for _, op := range []string{"Seal", "Open"} {
			for _, n := range []string{"100", "500", "1000", "2500"} {
				fmt.Fprintf(&b, "Benchmark%s/bytes=%s/by=floor-2 1000 500 ns/op 0 B/op 0 allocs/op\n", op, n)
				fmt.Fprintf(&b, "Benchmark%s/bytes=%s/by=floor-bound-2 1000 520 ns/op 0 B/op 0 allocs/op\n", op, n)
				fmt.Fprintf(&b, "Benchmark%s/bytes=%s/by=hardtack-2 1000 %d ns/op 0 B/op 0 allocs/op\n", op, n, 540+10*round)
			}
		}
		contenders := slices.Concat(parts, formats)
		for i, shape := range shapes {
			for j, size := range sizes {
				for _, op := range []string{"roundtrip", "seal", "open"} {
					for _, by := range contenders {
						line(valueCell(shape, size, op, by), 400*float64(i+j+1)*cost(contenders, by), fmt.Sprintf("\t %d cookie-bytes", 500*(i+1)+50*len(by)))
					}
				}
			}
			for _, op := range []string{"compress", "expand"} {
				for _, by := range compressors {
					line(cell("Compress", "shape="+shape, "size=medium", "op="+op, "by="+by), 8000*cost(compressors, by), fmt.Sprintf("\t %d compressed-bytes", 200*(i+1)))
				}
			}
		}
		for i, n := range payloads {
			for _, by := range contenders {
				if n == "2688" && strings.HasPrefix(by, "gorilla-") {
					continue
				}
				line(cell(payloadSetting(n), "by="+by), float64(1000+400*i)*cost(contenders, by), "")
			}
		}
		for i, n := range []string{"1", "10", "100"} {
			for _, sealed := range []string{"newest", "oldest", "unknown"} {
				line(cell("Keys", "keys="+n, "sealed="+sealed, "by=hardtack"), 1000, "")
				line(cell("Keys", "keys="+n, "sealed="+sealed, "by=gorilla-json"), math.Pow10(i)*4000, "")
			}
		}
		b.WriteString("pkg: example.com/bench/request\n")
		everyone := append([]string{"none"}, sessions...)
		for _, op := range []string{"read", "write"} {
			for _, by := range everyone {
				line(cell(requestSetting("handler", op, "1"), "by="+by), 500+1000*(cost(everyone, by)-2), "")
				for _, clients := range []string{"1", "8", "64"} {
					line(cell(requestSetting("loopback", op, clients), "by="+by), 30_000+1000*cost(everyone, by), "\t 20000 p50-ns\t 70000 p99-ns")
				}
			}
			for _, by := range []string{"none", "hardtack-stateless", "hardtack-inline"} {
				line(cell("Inline", "op="+op, "by="+by), 500+1000*(cost(everyone, by)-2), "")
			}
			for _, by := range []string{"none", "hardtack-stateless", "hardtack-stateless-handler", "gorilla-cookie", "scs-memory"} {
				line(cell("Shapes", "shape=cart", "size=large", "op="+op, "by="+by), 500+1000*(cost(everyone, by)-2), "")
			}
			for _, by := range scaled {
				line(cell("Cores", "cores=1", "op="+op, "by="+by), 1000*cost(scaled, by), "")
				line(cell("Cores", "cores=2", "op="+op, "by="+by), 1000/1.9*cost(scaled, by), "")
			}
			for i, n := range []string{"1", "1000", "1000000"} {
				for _, by := range living {
					line(cell("Live", "live="+n, "op="+op, "by="+by), 2000*cost(living, by)*float64(5+i), "")
				}
			}
		}
		for i, n := range cookies {
			for _, by := range headed {
				line(cell("Header", "cookies="+n, "op=read", "by="+by), 2000*cost(headed, by)*float64(5+i), "")
			}
		}
	}
	return b.String()
}

func madeUpResults(t *testing.T) *results {
	t.Helper()
	return parsed(t, madeUp())
}

func parsed(t *testing.T, text string) *results {
	t.Helper()
	r, err := parse(strings.NewReader(text))
	require.NoError(t, err)
	return r
}
