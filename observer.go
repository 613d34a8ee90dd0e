package hardtack

import (
	"context"
	"log/slog"
)

// Observer hears what a Jar does. Nil functions are not called. The others are
// called within the request, from many goroutines at once, so they must be
// safe for concurrent use and quick. None of their arguments is secret.
type Observer struct {
	// Sealed: a cookie was written; keyID is 8 hexadecimal digits, bytes name plus value.
	Sealed func(ctx context.Context, keyID string, bytes int)
	// Opened: a presented cookie was accepted. former is the Label of
	// the entry of Config.Formerly that it came from, else empty.
	Opened func(ctx context.Context, keyID, former string)
	// Refused: presented cookies were refused; errors.Is tells why.
	Refused func(ctx context.Context, reason error)
	// Overflowed: a session has moved to the store.
	Overflowed func(ctx context.Context, payloadBytes int)
	// Returned: a session has moved back into its cookie.
	Returned func(ctx context.Context, payloadBytes int)
	// Conflict: a save found that the session had changed meanwhile.
	Conflict func(ctx context.Context)
	// StoreError: a call of the store failed or took too long; op is find, commit, delete, swap, index
	// or find subjects, or former if it is the store of a Codec.
	StoreError func(ctx context.Context, op string, err error)
	// NearLimit: a stateless Jar has for the first time written a cookie that browsers
	// take, but that stock nginx may answer with 502; advice says what to change.
	NearLimit func(ctx context.Context, bytes, limit int, advice string)
	// LateChange: a session was changed after its response had begun, or its cookie could
	// not be sent; the change is not saved or did not reach the client. Without it Handler does not look for
	// changes after the response began, which takes encoding the data once more.
	LateChange func(ctx context.Context)
	// CacheableResponse: a response that sets the cookie allowed shared caches to
	// keep it. That was taken out; cacheControl is what it had said.
	CacheableResponse func(ctx context.Context, cacheControl string)
}

// SlogObserver returns an Observer that logs to l: faults as warnings, the rest as debug messages.
func SlogObserver(l *slog.Logger) Observer {
	debug := func(ctx context.Context, msg string, args ...any) { l.DebugContext(ctx, "hardtack: "+msg, args...) }
	warn := func(ctx context.Context, msg string, args ...any) { l.WarnContext(ctx, "hardtack: "+msg, args...) }
	return Observer{
		Sealed: func(ctx context.Context, keyID string, bytes int) {
			debug(ctx, "sealed", "key", keyID, "bytes", bytes)
		},
		Opened: func(ctx context.Context, keyID, former string) {
			debug(ctx, "opened", "key", keyID, "former", former)
		},
		Refused:    func(ctx context.Context, reason error) { debug(ctx, "refused", "reason", reason) },
		Overflowed: func(ctx context.Context, n int) { debug(ctx, "overflowed to the store", "payload_bytes", n) },
		Returned:   func(ctx context.Context, n int) { debug(ctx, "returned to the cookie", "payload_bytes", n) },
		Conflict:   func(ctx context.Context) { debug(ctx, "conflict") },
		StoreError: func(ctx context.Context, op string, err error) {
			warn(ctx, "store failed", "op", op, "error", err)
		},
		NearLimit: func(ctx context.Context, bytes, limit int, advice string) {
			warn(ctx, "cookie near the limit", "bytes", bytes, "limit", limit, "advice", advice)
		},
		LateChange: func(ctx context.Context) { warn(ctx, "session changed after the response began") },
		CacheableResponse: func(ctx context.Context, cacheControl string) {
			warn(ctx, "response with a session cookie was cacheable", "cache_control", cacheControl)
		},
	}
}

// complete returns o with functions that do nothing in place of nil, but for LateChange: nobody looks for what it would hear of.
func (o Observer) complete() Observer {
	if o.Sealed == nil {
		o.Sealed = func(context.Context, string, int) {}
	}
	if o.Opened == nil {
		o.Opened = func(context.Context, string, string) {}
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, error) {}
	}
	if o.Overflowed == nil {
		o.Overflowed = func(context.Context, int) {}
	}
	if o.Returned == nil {
		o.Returned = func(context.Context, int) {}
	}
	if o.Conflict == nil {
		o.Conflict = func(context.Context) {}
	}
	if o.StoreError == nil {
		o.StoreError = func(context.Context, string, error) {}
	}
	if o.NearLimit == nil {
		o.NearLimit = func(context.Context, int, int, string) {}
	}
	if o.CacheableResponse == nil {
		o.CacheableResponse = func(context.Context, string) {}
	}
	return o
}
