// Package bench measures hardtack beside its peers: value has the cookies, request the requests, capacity the sizes, soak a load of minutes.
// "make bench" runs it all through report, which writes docs/benchmarks.
package bench
