module github.com/hardtack-go/hardtack/agewrap

go 1.25.0

require (
	filippo.io/age v1.3.2
	github.com/hardtack-go/hardtack v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	filippo.io/hpke v0.4.0 // indirect
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/hardtack-go/hardtack => ../
