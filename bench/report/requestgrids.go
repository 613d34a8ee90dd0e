package main

import "fmt"

func requestGrid(s *sheet) grid {
	g := grid{{"contender", "read adds", "allocations", "write adds", "allocations", "loopback read", "loopback write"}}
	for _, by := range sessions {
		row := []string{code(by)}
		for _, op := range []string{"read", "write"} {
			setting := requestSetting("handler", op, "1")
			above := figure{top: added(allocs, setting, by, "none").top}
			row = append(row, s.show(addedOverRead(op, by), number), s.show(above, count))
		}
		for _, op := range []string{"read", "write"} {
			row = append(row, s.show(beside(requestSetting("loopback", op, "1"), by, "none"), number))
		}
		g = append(g, row)
	}
	return g
}

func decisionGrid(s *sheet) grid {
	g := grid{{"the session is", "read adds", "write adds", "loopback read, 1 client", "loopback read, 64 clients"}}
	for _, choice := range [][2]string{
		{"in its cookie, stateless", "hardtack-stateless"},
		{"in its cookie, hybrid", "hardtack-inline"},
		{"in Redis, hybrid", "hardtack-redis"},
		{"in PostgreSQL, hybrid", "hardtack-postgres"},
		{"in Redis, always: scs", "scs-redis"},
	} {
		row := []string{choice[0]}
		for _, op := range []string{"read", "write"} {
			row = append(row, s.show(addedOverRead(op, choice[1]), number))
		}
		for _, clients := range []string{"1", "64"} {
			row = append(row, s.show(beside(requestSetting("loopback", "read", clients), choice[1], "none"), number))
		}
		g = append(g, row)
	}
	return g
}

// addedOverRead is what a contender adds to a request, over what hardtack-stateless adds to one that reads.
func addedOverRead(op, by string) figure {
	read := requestSetting("handler", "read", "1")
	f := added(seconds, requestSetting("handler", op, "1"), by, "hardtack-stateless")
	f.under = added(seconds, read, by, "hardtack-stateless").under
	return f
}

// beside is one contender's time over another's.
func beside(setting, by, other string) figure {
	return ratio(seconds, cell(setting, "by="+by), cell(setting, "by="+other))
}

func storesGrid(s *sheet) grid {
	clients := []string{"1", "64"}
	g := grid{{"contender"}}
	for _, op := range []string{"read", "write"} {
		for _, n := range clients {
			g[0] = append(g[0], fmt.Sprintf("%s, %s", op, plural(n, "client")))
		}
	}
	for _, by := range stored {
		row := []string{code(by)}
		for _, op := range []string{"read", "write"} {
			for _, n := range clients {
				row = append(row, s.show(beside(requestSetting("loopback", op, n), by, "none"), number))
			}
		}
		g = append(g, row)
	}
	return g
}

func plural(n, noun string) string {
	if n == "1" {
		return n + " " + noun
	}
	return n + " " + noun + "s"
}

func coresGrid(s *sheet) grid {
	g := grid{{"contender", "read", "write"}}
	for _, by := range scaled {
		g = append(g, []string{code(by), s.show(coresFigure("read", by), number), s.show(coresFigure("write", by), number)})
	}
	return g
}

func liveGrid(s *sheet) grid {
	g := grid{{"contender"}}
	lives := s.r.settings("Live", "live")
	for _, n := range lives {
		g[0] = append(g[0], thousands(n))
	}
	for _, by := range living {
		row := []string{code(by)}
		for _, n := range lives {
			row = append(row, s.show(beside(cell("Live", "live="+n, "op=read"), by, "hardtack-stateless"), number))
		}
		g = append(g, row)
	}
	return g
}

// thousands puts a comma after every third digit from the right.
func thousands(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func headerGrid(s *sheet) grid {
	g := grid{{"contender"}}
	for _, n := range cookies {
		g[0] = append(g[0], plural(n, "other cookie"))
	}
	for _, by := range headed {
		row := []string{code(by)}
		for _, n := range cookies {
			row = append(row, s.show(headerFigure(n, by), number))
		}
		g = append(g, row)
	}
	return g
}

var cookies = []string{"1", "10", "50"}

func headerFigure(n, by string) figure {
	return ratio(seconds, headerCell(n, by), headerCell("1", "hardtack-stateless"))
}

func headerCell(n, by string) string { return cell("Header", "cookies="+n, "op=read", "by="+by) }
