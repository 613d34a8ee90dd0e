package faulttest

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// File is the environment variable that names the file to which [Counts.Report] appends.
const File = "HARDTACK_COUNTS"

// Counts says what became of the sessions of a [Load].
type Counts struct {
	Sessions     int `json:"sessions"`
	Tried        int `json:"tried"` // saves
	Acknowledged int `json:"acknowledged"`
	Unavailable  int `json:"unavailable"` // saves refused with 503
	Conflicts    int `json:"conflicts"`   // with 409
	NoAnswer     int `json:"no_answer"`   // saves whose answer has not reached the client
	ReadBack     int `json:"read_back"`   // sessions, at the end

	Lost      int `json:"lost"`
	MixedUp   int `json:"mixed_up"`
	LoggedOut int `json:"logged_out"`
	Twice     int `json:"twice"`
	Other     int `json:"other"` // answers that are none of these

	faults []string
}

// Refused returns how many saves were not acknowledged.
func (c Counts) Refused() int { return c.Unavailable + c.Conflicts + c.NoAnswer }

// Plus returns the sums.
func (c Counts) Plus(o Counts) Counts {
	return Counts{
		Sessions: c.Sessions + o.Sessions, Tried: c.Tried + o.Tried, Acknowledged: c.Acknowledged + o.Acknowledged,
		Unavailable: c.Unavailable + o.Unavailable, Conflicts: c.Conflicts + o.Conflicts, NoAnswer: c.NoAnswer + o.NoAnswer,
		ReadBack: c.ReadBack + o.ReadBack, Lost: c.Lost + o.Lost, MixedUp: c.MixedUp + o.MixedUp,
		LoggedOut: c.LoggedOut + o.LoggedOut, Twice: c.Twice + o.Twice, Other: c.Other + o.Other,
		faults: append(c.faults[:len(c.faults):len(c.faults)], o.faults...),
	}
}

// String returns the counts on one line.
func (c Counts) String() string {
	return fmt.Sprintf("%d sessions: %d saves tried, %d acknowledged, %d refused (503: %d, 409: %d, no answer: %d); "+
		"%d read back, %d lost, %d mixed up, %d logged out, %d twice, %d other",
		c.Sessions, c.Tried, c.Acknowledged, c.Refused(), c.Unavailable, c.Conflicts, c.NoAnswer,
		c.ReadBack, c.Lost, c.MixedUp, c.LoggedOut, c.Twice, c.Other)
}

// Check fails the test, with what each client saw, unless every session was read back as it had to be.
func (c Counts) Check(t testing.TB) {
	t.Helper()
	assert.Empty(t, strings.Join(c.faults, "\n"), "%s", c)
	assert.Equal(t, c.Sessions, c.ReadBack, "read back: %s", c)
	assert.Zero(t, c.Lost+c.MixedUp+c.LoggedOut+c.Twice+c.Other, "%s", c)
	assert.Equal(t, c.Tried, c.Acknowledged+c.Refused(), "%s", c)
	assert.NotZero(t, c.Acknowledged, "%s", c)
}

// Row is a line of the file that [File] names.
type Row struct {
	Store string `json:"store"` // with its version
	Fault string `json:"fault"`
	Counts
}

// Report logs the counts, and appends them to the file if there is one.
func (c Counts) Report(t testing.TB, store, fault string) {
	t.Helper()
	t.Logf("%s, %s: %s", store, fault, c)
	name := os.Getenv(File)
	if name == "" {
		return
	}
	line, err := json.Marshal(Row{store, fault, c})
	require.NoError(t, err)
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = f.Write(append(line, '\n'))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
