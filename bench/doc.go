// Package bench measures hardtack beside its peers. It has nothing but benchmarks; "make bench" runs them.
package bench
