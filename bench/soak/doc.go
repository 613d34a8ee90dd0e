// Command soak puts two shops under the same load of thousands of customers, one after the other, and judges them: the
// shop of this repository in hybrid mode with Redis, and scsshop, the same with alexedwards/scs and Redis. While the
// first runs, its keys are rotated with the hardtack command.
//
// Each customer knows what its session must hold. A session that is lost, stale or another's, an answer other than 200,
// goroutines that stay, memory that grows, and anything that a shop writes to its standard error make the exit status 1.
//
//	go run . -duration 5m -document ../../docs/soak.md
package main
