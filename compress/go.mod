module github.com/hardtack-go/hardtack/compress

go 1.25.0

replace github.com/hardtack-go/hardtack => ../

require (
	github.com/hardtack-go/hardtack v0.0.0
	github.com/klauspost/compress v1.20.3
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
