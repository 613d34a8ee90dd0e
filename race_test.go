//go:build race

package hardtack_test

// raceDetector says that the race detector is on: it allocates by itself, drops
// items from sync.Pool on purpose, and slows down everything else.
const raceDetector = true
