// Command capacity seals the same sessions in several formats, each with the library that people use for it, and writes how
// many bytes the cookies take into the tables of a document, between the comments <!-- sizes --> and <!-- /sizes -->, and
// <!-- carts --> and <!-- /carts -->.
//
//	capacity DOCUMENT
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/hardtack-go/hardtack"
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

// update returns the text with both tables as measured.
func update(text string) (string, error) {
	sizes, err := sizesTable()
	if err != nil {
		return "", err
	}
	carts, err := cartsTable()
	if err != nil {
		return "", err
	}
	if text, err = replace(text, "sizes", sizes); err != nil {
		return "", err
	}
	return replace(text, "carts", carts)
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
	for i, f := range formats[session.Cart]() {
		encrypted := "no"
		if f.encrypts {
			encrypted = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s |", f.title, encrypted)
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

func cartsTable() (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "| | cart of 60, bytes | lines in %s bytes | lines in %s bytes |\n|---|--:|--:|--:|\n", thousands(browserMax), thousands(inlineMax))
	for _, f := range formats[session.Cart]() {
		if err := cartsRow(&b, f, session.NewCart); err != nil {
			return "", err
		}
	}
	numbered := hardtackJar[session.NumberedCart]("hardtack, CBOR, fields numbered", hardtack.CBOR{})
	err := cartsRow(&b, numbered, session.NewNumberedCart)
	return b.String(), err
}

func cartsRow[T any](b *strings.Builder, f format[T], cart func(lines int) T) error {
	sixty, err1 := size(f, cart(60))
	most, err2 := largestCart(f, cart, browserMax)
	inline, err3 := largestCart(f, cart, inlineMax)
	fmt.Fprintf(b, "| %s | %s | %d | %d |\n", f.title, marked(sixty), most, inline)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("%s: %w", f.title, err)
	}
	return nil
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// replace returns the text with the table in the place of what was between the comments of that name.
func replace(text, name, table string) (string, error) {
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("no lines %q and %q", strings.TrimSpace(begin), end)
	}
	return before + begin + table + end + after, nil
}
