package main

// The names that the benchmarks give their parts.
var (
	shapes = []string{"login", "account", "cart", "oidc", "form"}

	// serializers and the floor are what a cookie cannot do without; the others make cookies.
	formats = []string{
		"hardtack-cbor", "hardtack-json", "hardtack-hs256", "hardtack-eddsa",
		"gorilla-gob", "gorilla-json", "jwt-hs256", "jwe-a256gcm", "paseto-v4local", "tink-cbor",
	}
	parts = []string{"floor", "cbor", "json"}

	sessions = []string{
		"hardtack-stateless", "hardtack-stateless-handler", "hardtack-inline", "hardtack-inline-handler", "hardtack-memory", "hardtack-sqlite",
		"hardtack-redis", "hardtack-postgres", "gorilla-cookie", "gorilla-file", "scs-memory", "scs-redis", "scs-sqlite",
	}
	stored = []string{
		"hardtack-stateless", "hardtack-memory", "hardtack-sqlite", "hardtack-redis", "hardtack-postgres",
		"gorilla-file", "scs-memory", "scs-redis", "scs-sqlite",
	}
	scaled = []string{"none", "hardtack-stateless", "hardtack-inline", "hardtack-memory", "gorilla-cookie", "scs-memory"}
	headed = []string{"hardtack-stateless", "gorilla-cookie", "scs-memory"}
	living = []string{
		"hardtack-stateless", "hardtack-memory", "hardtack-sqlite", "hardtack-redis", "scs-memory", "scs-redis", "scs-sqlite",
	}
	compressors = []string{"deflate-1", "deflate-6", "deflate-7", "deflate-9", "zstd-fastest", "zstd-default", "zstd-best"}
	// gorilla/securecookie refuses the largest.
	payloads = []string{"64", "128", "256", "512", "1024", "2048", "2688"}
)

// references are what the others of a benchmark are compared with.
var references = map[string]string{
	"Seal": "floor", "Open": "floor", "Value": "hardtack-cbor", "Payload": "hardtack-cbor", "Keys": "hardtack", "Compress": "deflate-7",
	"Request": "hardtack-stateless", "Inline": "hardtack-stateless", "Shapes": "hardtack-stateless", "Cores": "hardtack-stateless", "Header": "hardtack-stateless", "Live": "hardtack-stateless",
}

func valueCell(shape, size, op, by string) string {
	return cell("Value", "shape="+shape, "size="+size, "op="+op, "by="+by)
}

func requestSetting(via, op, clients string) string {
	return cell("Request", "via="+via, "op="+op, "clients="+clients)
}

// about says what the names of contenders stand for.
var about = [][2]string{
	{"floor", "AES-256-GCM with a random nonce and base64, of data that is CBOR already: what no sealed cookie can do without"},
	{"floor-bound", "the same, bound to as many bytes as a token is bound to"},
	{"cbor, json", "the serializers of hardtack alone"},
	{"hardtack-cbor, hardtack-json", "sealed sessions, XAES-256-GCM"},
	{"hardtack-hs256, hardtack-eddsa", "signed sessions, which are not encrypted"},
	{"gorilla-gob, gorilla-json", "gorilla/securecookie with a key for HMAC-SHA256 and one for AES-256; gob is its default"},
	{"jwt-hs256", "golang-jwt, signed, not encrypted"},
	{"jwe-a256gcm", "go-jose, JWE with dir and A256GCM"},
	{"paseto-v4local", "go-paseto, v4.local"},
	{"tink-cbor", "tink-go, AEAD with AES256_GCM, of CBOR"},
	{"none", "the HTTP handler without a session"},
	{"hardtack-stateless", "a Jar without a store, used in the handler; `-handler`: with the Jar's middleware"},
	{"hardtack-inline", "a hybrid Jar, the session in the cookie; `-handler`: with the Jar's middleware"},
	{"hardtack-memory, -sqlite, -redis, -postgres", "a hybrid Jar, the session in the store"},
	{"gorilla-cookie, gorilla-file", "gorilla/sessions, CookieStore and FilesystemStore"},
	{"scs-memory, -redis, -sqlite", "scs with its memstore, goredisstore and sqlite3store"},
	{"deflate-1, -6, -7, -9", "klauspost/compress, DEFLATE of that level; package compress has level 7"},
	{"zstd-fastest, -default, -best", "klauspost/compress, Zstandard of that level"},
}
