package main

import (
	"slices"
)

func roundtripGrid(s *sheet) grid {
	g := grid{append(append([]string{"contender"}, shapes...), "geometric mean", "allocations, account")}
	for _, by := range slices.Concat(parts, formats) {
		row, all := []string{code(by)}, []figure(nil)
		for _, shape := range shapes {
			f := ratio(seconds, valueCell(shape, "medium", "roundtrip", by), valueCell(shape, "medium", "roundtrip", "hardtack-cbor"))
			row, all = append(row, s.show(f, number)), append(all, f)
		}
		g = append(g, append(row, s.mean(all, number), s.show(plain(allocs, valueCell("account", "medium", "roundtrip", by)), count)))
	}
	return g
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
				row = append(row, s.show(ratio(seconds, cell("Keys", "keys="+n, "sealed="+sealed, "by="+by), "Keys/keys=1/sealed=newest/by=hardtack"), number))
			}
			g = append(g, row)
		}
	}
	return g
}

func compressGrid(s *sheet) grid {
	g := grid{append(append([]string{"compressor"}, shapes...), "time")}
	for _, by := range compressors {
		row, all := []string{code(by)}, []figure(nil)
		for _, shape := range shapes {
			setting := cell("Compress", "shape="+shape, "size=medium")
			row = append(row, s.show(plain("compressed-bytes", cell(setting, "op=compress", "by="+by)), count))
			for _, op := range []string{"op=compress", "op=expand"} {
				all = append(all, beside(cell(setting, op), by, "deflate-6"))
			}
		}
		g = append(g, append(row, s.mean(all, number)))
	}
	return g
}
