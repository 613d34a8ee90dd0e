// Command fault-table puts what the tests have counted into the table of a document, between the comments
// <!-- counts --> and <!-- /counts -->.
//
//	fault-table COUNTS DOCUMENT
//
// COUNTS is the file that HARDTACK_COUNTS named. Runs of one store with one fault are added up.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/hardtack-go/hardtack/internal/faulttest"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: fault-table COUNTS DOCUMENT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "fault-table:", err)
		os.Exit(1)
	}
}

func run(counts, document string) error {
	f, err := os.Open(counts)
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := read(f)
	if err != nil {
		return fmt.Errorf("%s: %w", counts, err)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	after, err := replace(string(text), table(rows))
	if err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	return os.WriteFile(document, []byte(after), 0o644)
}

// read returns the rows, added up and in order.
func read(r io.Reader) ([]faulttest.Row, error) {
	var rows []faulttest.Row
	for d := json.NewDecoder(r); ; {
		var row faulttest.Row
		if err := d.Decode(&row); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(rows, func(o faulttest.Row) bool { return o.Store == row.Store && o.Fault == row.Fault })
		if i < 0 {
			rows = append(rows, row)
		} else {
			rows[i].Counts = rows[i].Plus(row.Counts)
		}
	}
	if len(rows) == 0 {
		return nil, errors.New("no counts")
	}
	slices.SortFunc(rows, func(a, b faulttest.Row) int {
		return cmp.Or(strings.Compare(a.Store, b.Store), strings.Compare(a.Fault, b.Fault))
	})
	return rows, nil
}

func table(rows []faulttest.Row) string {
	var b strings.Builder
	b.WriteString("| store | fault | sessions | saves acknowledged | saves refused | read back | lost | mixed up |\n")
	b.WriteString("|---|---|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |", r.Store, r.Fault)
		for _, n := range []int{r.Sessions, r.Acknowledged, r.Refused(), r.ReadBack, r.Lost + r.LoggedOut + r.Twice, r.MixedUp} {
			fmt.Fprintf(&b, " %s |", thousands(n))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

const begin, end = "<!-- counts -->\n", "<!-- /counts -->"

// replace returns the text with the table in the place of what was between the comments.
func replace(text, table string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("no lines %q and %q", strings.TrimSpace(begin), end)
	}
	return before + begin + table + end + after, nil
}
