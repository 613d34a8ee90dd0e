//go:build !race

package hardtack_test

const raceDetector = false
