module github.com/hardtack-go/hardtack/store/redisstore

go 1.25.0

require (
	github.com/hardtack-go/hardtack v0.0.0
	github.com/hardtack-go/hardtack/internal/servers v0.0.0
	github.com/redis/go-redis/v9 v9.22.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	go.uber.org/atomic v1.11.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.30.0 // indirect
)

replace github.com/hardtack-go/hardtack => ../../

replace github.com/hardtack-go/hardtack/internal/servers => ../../internal/servers
