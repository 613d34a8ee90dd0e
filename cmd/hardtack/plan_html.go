package main

import (
	_ "embed" // for the template
	"html/template"
	"io"
	"strings"
)

//go:embed plan.html.tmpl
var planTemplate string

// planPage is well-formed XML too, so that a test can check it strictly.
var planPage = template.Must(template.New("plan").Funcs(template.FuncMap{
	"count": countText, "size": sizeText, "number": numberText, "share": shareText, "micros": microsText, "signed": signedText,
	"trips": tripsText, "spans": spansOf,
}).Parse(planTemplate))

// maxFieldRows is how many fields the page lists at most.
const maxFieldRows = 24

// writePlanHTML writes the report as a page of HTML that loads nothing, has no script, and prints on A4.
func writePlanHTML(w io.Writer, r *planReport) error {
	return planPage.Execute(w, planView{r})
}

// planView is the report as the template asks for it. The geometry of its charts is in plan_charts.go.
type planView struct{ *planReport }

// Default is the format that the modes are computed for.
func (v planView) Default() planFormat { return v.Formats[0] }

// Advised returns the title of the mode that the advice is for.
func (v planView) Advised() string {
	for _, m := range v.Modes {
		if m.Name == v.Advice.Mode {
			return m.Title
		}
	}
	return v.Advice.Mode
}

// TimeToRead is what the store adds to a request that reads, and TimeToSave to one that saves.
func (v planView) TimeToRead(m planMode) string { return addedText(v.Latency.toRead(m)) }

// TimeToSave is like TimeToRead.
func (v planView) TimeToSave(m planMode) string { return addedText(v.Latency.toSave(m)) }

// fieldRow is a field in the table of fields.
type fieldRow struct {
	planField
	Depth int     // of the field in its parents; 3 stands for more
	Bar   float64 // percent of the heaviest
}

// FieldRows are the fields with their children behind them.
func (v planView) FieldRows() []fieldRow {
	var rows []fieldRow
	var add func(fields []planField, depth int)
	add = func(fields []planField, depth int) {
		for _, f := range fields {
			rows = append(rows, fieldRow{f, min(depth, 3), 100 * f.Share})
			add(f.Children, depth+1)
		}
	}
	add(v.Fields, 0)
	heaviest := 0.0
	for _, row := range rows {
		heaviest = max(heaviest, row.Bar)
	}
	for i := range rows {
		if heaviest > 0 {
			rows[i].Bar *= 100 / heaviest
		}
	}
	return rows[:min(len(rows), maxFieldRows)]
}

// FieldsLeft is how many fields the table leaves out.
func (v planView) FieldsLeft() int {
	var count func(fields []planField) int
	count = func(fields []planField) (n int) {
		for _, f := range fields {
			n += 1 + count(f.Children)
		}
		return n
	}
	return max(count(v.Fields)-maxFieldRows, 0)
}

// span is a part of a sentence.
type span struct {
	Text string
	Code bool // it stood between backticks
}

// spansOf takes a sentence apart that is made for Markdown too.
func spansOf(sentence string) []span {
	parts := strings.Split(sentence, "`")
	spans := make([]span, len(parts))
	for i, text := range parts {
		spans[i] = span{text, i%2 == 1}
	}
	return spans
}
