package storetest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// witness remembers what others might hear of: errors and logs. Every ID, subject and
// data of a Run begins with a mark, so that each of them can be recognised.
type witness struct {
	idMark, subjectMark, dataMark string

	mu     sync.Mutex
	errors map[string]bool
	log    bytes.Buffer
}

// markSize is enough that a mark is no coincidence.
const markSize = 12

func newWitness() *witness {
	mark := func() string {
		return strings.NewReplacer("-", "x", "_", "y").Replace(random()[:markSize])
	}
	return &witness{idMark: mark(), subjectMark: mark(), dataMark: mark(), errors: make(map[string]bool)}
}

func (w *witness) saw(err error) {
	if err == nil {
		return
	}
	texts := []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range texts {
		w.errors[text] = true
	}
}

// Write implements io.Writer for the log.
func (w *witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

// listen has the default loggers write to w until the test ends.
func (w *witness) listen(t *testing.T) {
	logger, out, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug - 4})))
	log.SetOutput(w)
	t.Cleanup(func() {
		slog.SetDefault(logger)
		log.SetOutput(out)
		log.SetFlags(flags)
		if t.Failed() && w.log.Len() > 0 {
			t.Logf("the default log:\n%s", w.log.String())
		}
	})
}

// leak returns what of a Run text names, in any usual spelling.
func (w *witness) leak(text string) string {
	text = strings.ToLower(text)
	for what, mark := range map[string]string{"an ID": w.idMark, "a subject": w.subjectMark, "data": w.dataMark} {
		decimal := strings.Trim(fmt.Sprint([]byte(mark)), "[]")
		goSyntax := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(mark)), "[]byte{"), "}")
		for _, spelling := range []string{mark, hex.EncodeToString([]byte(mark)), decimal, goSyntax} {
			if strings.Contains(text, strings.ToLower(spelling)) {
				return what
			}
		}
	}
	return ""
}

func secretErrors(t *tester) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 3
	found := 0
	for text := range t.errors {
		what := t.leak(text)
		if what == "" {
			continue
		}
		if found++; found <= most {
			assert.Fail(t, "an error names "+what, "%.200q", text)
		}
	}
	if found > most {
		t.Logf("and %d more", found-most)
	}
}

func secretLog(t *tester) {
	t.mu.Lock()
	defer t.mu.Unlock()
	assert.Empty(t, t.leak(t.log.String()), "the default log names it")
}

func secretServerLog(t *tester) {
	assert.Empty(t, t.leak(t.Logs()), "Options.Logs names it")
}
