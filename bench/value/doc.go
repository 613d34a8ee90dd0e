// Package value measures hardtack beside its peers and beside what the work takes at least, from a session's struct to a cookie's value and back. It has nothing but
// benchmarks, and the tests that these do what they claim. Divide the figures of one run: those with the same name but for what follows "by=".
package value
