package hardtack

import (
	"context"
	"log/slog"
)

// SlogKeyObserver returns a KeyObserver that logs to l: faults as errors, the rest as information.
func SlogKeyObserver(l *slog.Logger) KeyObserver {
	return KeyObserver{
		Changed: func(ctx context.Context, c KeyChange) {
			l.InfoContext(ctx, "hardtack: keys changed", "added", ids(c.Added), "removed", ids(c.Removed), "revoked", ids(c.Revoked), "sealing", c.Sealing.String())
		},
		Fault:     func(ctx context.Context, err error) { l.ErrorContext(ctx, "hardtack: keys", "error", err) },
		Recovered: func(ctx context.Context) { l.InfoContext(ctx, "hardtack: keys are in order again") },
	}
}

func ids(keys []KeyID) []string {
	text := make([]string, len(keys))
	for i, id := range keys {
		text[i] = id.String()
	}
	return text
}
