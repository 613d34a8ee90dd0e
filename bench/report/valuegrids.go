package main

import (
	"slices"
)

func roundtripGrid(s *sheet) grid {
	g := grid{append(append([]string{"contender"}, shapes...), "geometric mean", "allocations, account")}
	for _, by := range slices.Concat(parts, formats) {
		row, all := []string{code(by)}, roundtripRatios(by)
		for _, f := range all {
			row = append(row, s.show(f, number))
		}
		g = append(g, append(row, s.mean(all, number), s.show(plain(allocs, valueCell("account", "medium", "roundtrip", by)), count)))
	}
	return g
}

// roundtripRatios has one contender's time over hardtack-cbor's for each shape at its medium size.
func roundtripRatios(by string) []figure {
	var all []figure
	for _, shape := range shapes {
		all = append(all, beside(cell("Value", "shape="+shape, "size=medium", "op=roundtrip"), by, "hardtack-cbor"))
	}
	return all
}

func cookieBytesGrid(s *sheet) grid {
	g := grid{append([]string{"contender"}, shapes...)}
	for _, by := range formats {
		row := []string{code(by)}
		for _, shape := range shapes {
			row = append(row, s.show(plain(cookieBytes, valueCell(shape, "medium", "roundtrip", by)), marked))
		}
		g = append(g, row)
	}
	return g
}

// marked says of a size that it is above the limit.
func marked(v float64) string {
	if v > 3072 {
		return count(v) + " ▲"
	}
	return count(v)
}

func payloadGrid(s *sheet) grid {
	g := grid{{"contender"}}
	payloads := s.r.settings("Payload", "bytes")
	for _, n := range payloads {
		g[0] = append(g[0], thousands(n)+" bytes")
	}
	for _, by := range slices.Concat(parts, formats) {
		row := []string{code(by)}
		for _, n := range payloads {
			row = append(row, s.show(beside(payloadSetting(n), by, "hardtack-cbor"), number))
		}
		g = append(g, row)
	}
	return g
}

func payloadSetting(n string) string { return cell("Payload", "bytes="+n, "op=roundtrip") }

func keysGrid(s *sheet) grid {
	g := grid{{"sealed with, by", "1 key", "10 keys", "100 keys"}}
	for _, sealed := range []string{"newest", "oldest", "unknown"} {
		for _, by := range []string{"hardtack", "gorilla-json"} {
			row := []string{sealed + ", " + code(by)}
			for _, n := range []string{"1", "10", "100"} {
				row = append(row, s.show(ratio(seconds, keysCell(n, sealed, by), keysCell("1", "newest", "hardtack")), number))
			}
			g = append(g, row)
		}
	}
	return g
}

func keysCell(n, sealed, by string) string {
	return cell("Keys", "keys="+n, "sealed="+sealed, "by="+by)
}

func compressGrid(s *sheet) grid {
	g := grid{append(append([]string{"compressor"}, shapes...), "time")}
	for _, by := range compressors {
		row, all := []string{code(by)}, []figure(nil)
		for _, shape := range shapes {
			setting := cell("Compress", "shape="+shape, "size=medium")
			row = append(row, s.show(plain("compressed-bytes", cell(setting, "op=compress", "by="+by)), count))
			for _, op := range []string{"op=compress", "op=expand"} {
				all = append(all, beside(cell(setting, op), by, references["Compress"]))
			}
		}
		g = append(g, append(row, s.mean(all, number)))
	}
	return g
}
