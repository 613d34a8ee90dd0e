package seal_test

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fipsEnv tells the test binary that it was started by TestFIPS140.
const fipsEnv = "HARDTACK_TEST_FIPS140"

// TestFIPS140 runs this package's tests again in Go's FIPS 140 modes, which are
// settled when a program starts. Under "only" everything works but sealing with
// a chosen nonce, which the package never does.
func TestFIPS140(t *testing.T) {
	if mode := os.Getenv(fipsEnv); mode != "" {
		require.True(t, fips140.Enabled(), "GODEBUG=fips140=%s took no effect", mode)
		require.Equal(t, mode == "only", onlyFIPS())
		return
	}
	for _, mode := range []string{"on", "only"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.v", "-test.short", "-test.timeout=10m")
			godebug := "fips140=" + mode
			if set := os.Getenv("GODEBUG"); set != "" {
				godebug = set + "," + godebug
			}
			cmd.Env = append(os.Environ(), fipsEnv+"="+mode, "GODEBUG="+godebug)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)

			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, "--- SKIP: ") {
					t.Log(strings.TrimSpace(line))
				}
			}
			passed := strings.Count(string(out), "--- PASS: ")
			skipped := strings.Count(string(out), "--- SKIP: ")
			if raceDetector {
				skipped-- // TestAllocations
			}
			assert.Contains(t, string(out), "--- PASS: TestFIPS140 ", "the run was in this mode")
			assert.Contains(t, string(out), "--- PASS: TestSealOpen ")
			assert.Contains(t, string(out), "--- PASS: TestVectors/accepted/")
			assert.Greater(t, passed, 100)
			assert.Equal(t, skipped, strings.Count(string(out), onlyFIPSReason), "nothing is left out for another reason")
			if mode == "on" {
				assert.Zero(t, skipped)
			} else {
				assert.Positive(t, skipped)
				t.Log(onlyFIPSReason)
			}
			t.Logf("fips140=%s: %d passed, %d skipped", mode, passed, skipped)
		})
	}
}
