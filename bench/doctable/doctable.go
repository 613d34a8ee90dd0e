// Package doctable puts tables that a program has made into documents that people write.
package doctable

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoMarker says that a document has no place for a table.
var ErrNoMarker = errors.New("doctable: no marker")

// Replace returns the text with the table in the place of what was between the lines <!-- name --> and <!-- /name -->, which stay. The
// table has to end with a newline. Replace fails with ErrNoMarker if the first of the two is not there, and with another error if only
// the second is missing. Where a name occurs twice, the first place is filled.
func Replace(text, name, table string) (string, error) {
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, ok := strings.Cut(text, begin)
	if !ok {
		return "", fmt.Errorf("%w <!-- %s -->", ErrNoMarker, name)
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("doctable: <!-- %s --> has no end", name)
	}
	return before + begin + table + end + after, nil
}
