module github.com/hardtack-go/hardtack/bench

go 1.25.0

replace github.com/hardtack-go/hardtack => ../

require (
	github.com/gorilla/securecookie v1.1.2
	github.com/hardtack-go/hardtack v0.0.0
)

require (
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
)
