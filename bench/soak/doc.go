// Command soak puts two shops under the same load of thousands of customers, and judges them: the shop of this
// repository in hybrid mode with Redis, and scsshop, the same with alexedwards/scs and Redis. The load takes turns of
// seconds between them, so that what disturbs the machine for a while disturbs both alike. In the turns of the first,
// its keys are rotated with the hardtack command.
//
// Each customer knows what its session must hold. A session that is lost, stale or another's, an answer other than 200,
// goroutines that stay, memory that grows, and anything that a shop writes to its standard error make the exit status 1.
//
//	go run . -duration 5m -document ../../docs/soak.md
package main
