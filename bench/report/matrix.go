package main

import (
	"slices"
	"strings"
)

// absoluteGrids are the times that the ratios were made of.
func absoluteGrids(s *sheet) []grid {
	values := grid{{"round trip, account, medium", "time", "bytes allocated", "allocations"}}
	for _, by := range slices.Concat(parts, formats) {
		name := valueCell("account", "medium", "roundtrip", by)
		values = append(values, []string{code(by), s.show(plain(seconds, name), duration), s.show(plain("B/op", name), count), s.show(plain(allocs, name), count)})
	}
	requests := grid{{"request, one client", "read", "write", "loopback read", "loopback write"}}
	for _, by := range append([]string{"none"}, sessions...) {
		row := []string{code(by)}
		for _, via := range []string{"handler", "loopback"} {
			for _, op := range []string{"read", "write"} {
				row = append(row, s.show(plain(seconds, cell(requestSetting(via, op, "1"), "by="+by)), duration))
			}
		}
		requests = append(requests, row)
	}
	return []grid{values, requests}
}

// matrix has one grid for each benchmark and unit: what was measured of the contenders, by setting.
func matrix(s *sheet, base, unit string, relative bool) grid {
	var rows, columns []string
	for _, name := range s.r.names {
		setting, by := split(name)
		if !strings.HasPrefix(name, base+"/") || len(s.r.cells[name][unit]) == 0 {
			continue
		}
		if !slices.Contains(rows, setting) {
			rows = append(rows, setting)
		}
		if !slices.Contains(columns, by) {
			columns = append(columns, by)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	g := grid{{""}}
	for _, by := range columns {
		g[0] = append(g[0], code(by))
	}
	show := count
	if strings.Contains(unit, "sec") {
		show = duration
	}
	for _, setting := range rows {
		row := []string{strings.ReplaceAll(strings.TrimPrefix(setting, base+"/"), "/", ", ")}
		for _, by := range columns {
			if relative {
				row = append(row, s.show(beside(setting, by, references[base]), number))
			} else {
				row = append(row, s.show(plain(unit, cell(setting, "by="+by)), show))
			}
		}
		g = append(g, row)
	}
	return g
}
