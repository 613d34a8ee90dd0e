// Command capacity seals the same sessions in several formats, each with the library that people use for it, and writes how
// many bytes the cookies take into the tables of a document, each between comments such as <!-- sizes --> and <!-- /sizes -->.
//
//	capacity DOCUMENT
package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/doctable"
	"github.com/hardtack-go/hardtack/bench/format"
	"github.com/hardtack-go/hardtack/bench/session"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: capacity DOCUMENT")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(1)
	}
}

func run(document string) error {
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	after, err := update(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	return os.WriteFile(document, []byte(after), 0o644)
}

// update returns the text with all tables as measured.
func update(text string) (string, error) {
	tables := []struct {
		name    string
		measure func() (string, error)
	}{
		{"sizes", sizesTable}, {"room", roomTable}, {"carts", cartsTable}, {"compressors", compressorsTable},
	}
	for _, t := range tables { // before anything is measured
		if _, err := doctable.Replace(text, t.name, ""); err != nil {
			return "", err
		}
	}
	for _, t := range tables {
		table, err := t.measure()
		if err != nil {
			return "", err
		}
		if text, err = doctable.Replace(text, t.name, table); err != nil {
			return "", err
		}
	}
	return text, nil
}

func sizesTable() (string, error) {
	all, err := samples()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| | encrypted |")
	for _, s := range all {
		fmt.Fprintf(&b, " %s |", s.title)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("--:|", len(all)) + "\n| *the data alone, as JSON* | |")
	for _, s := range all {
		fmt.Fprintf(&b, " *%s* |", thousands(s.json))
	}
	b.WriteByte('\n')
	for i, c := range format.Texts().Cookies() {
		encrypted := "no"
		if c.Encrypts {
			encrypted = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s |", c.Title, encrypted)
		for _, s := range all {
			fmt.Fprintf(&b, " %s |", marked(s.sizes[i]))
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// marked says of a size which limits it exceeds.
func marked(n int) string {
	switch {
	case n > browserMax:
		return thousands(n) + " ✗"
	case n > inlineMax:
		return thousands(n) + " ▲"
	}
	return thousands(n)
}

func roomTable() (string, error) {
	var b strings.Builder
	b.WriteString("| |")
	var rooms []room
	for _, shape := range format.Shapes() {
		r, err := roomOf(shape)
		if err != nil {
			return "", err
		}
		rooms = append(rooms, r)
		fmt.Fprintf(&b, " %s |", shape.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(rooms)) + "\n")
	for i, title := range titles() {
		fmt.Fprintf(&b, "| %s |", title)
		for _, r := range rooms {
			fmt.Fprintf(&b, " %s / %s |", thousands(r.browser[i]), thousands(r.inline[i]))
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

func cartsTable() (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "| | cart of 60, bytes | lines in %s bytes | lines in %s bytes |\n|---|--:|--:|--:|\n", thousands(browserMax), thousands(inlineMax))
	for _, c := range carts() {
		sixty, err1 := size(c.On(60), c.Varies)
		most, err2 := largest(c, 0, browserMax)
		inline, err3 := largest(c, 0, inlineMax)
		if err := errors.Join(err1, err2, err3); err != nil {
			return "", fmt.Errorf("%s: %w", c.Title, err)
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d |\n", c.Title, marked(sixty), most, inline)
	}
	return b.String(), nil
}

const (
	numbered           = "hardtack, CBOR, fields numbered"
	numberedCompressed = "hardtack, CBOR, fields numbered, compressed"
)

// carts are all formats for carts, and those that number the fields.
func carts() []format.Contender {
	shape := session.Shape[session.NumberedCart]{Grow: session.NewNumberedCart}
	return append(format.ShapeOf(session.Carts()).Cookies(),
		format.ContenderOf(format.Jar[session.NumberedCart](numbered, format.Serialized(hardtack.CBOR{}), format.Then), shape),
		format.ContenderOf(format.Jar[session.NumberedCart](numberedCompressed, format.Compressed(hardtack.CBOR{}), format.Then), shape))
}

// compressorsTable marks the smallest of each row, and the column that package compress makes.
func compressorsTable() (string, error) {
	with, err := format.Compressors()
	if err != nil {
		return "", err
	}
	all, err := compressions(with)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| | CBOR |")
	for i, c := range with {
		used := ", used"
		for _, row := range all {
			if row.by[i] != row.used {
				used = ""
			}
		}
		fmt.Fprintf(&b, " %s%s |", c.Name, used)
	}
	b.WriteString("\n|---|--:|" + strings.Repeat("--:|", len(with)) + "\n")
	for _, row := range all {
		fmt.Fprintf(&b, "| %s | %s |", row.title, thousands(row.plain))
		for _, n := range row.by {
			if n == slices.Min(row.by) {
				fmt.Fprintf(&b, " **%s** |", thousands(n))
			} else {
				fmt.Fprintf(&b, " %s |", thousands(n))
			}
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
