package mongostore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hardtack-go/hardtack"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// storeError is a failure of the server or of the way to it. It does not wrap the driver's error, whose text may
// quote a duplicate _id or a whole command.
type storeError struct {
	op     string
	reason string
	cause  error // what ended the call's context, or nil
}

func (e *storeError) Error() string        { return "mongostore: " + e.op + ": " + e.reason }
func (e *storeError) Is(target error) bool { return target == hardtack.ErrStoreUnavailable }
func (e *storeError) Unwrap() error        { return e.cause }

// failure returns what the caller may know of err, and nil for nil.
func failure(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		cause := context.Cause(ctx)
		return &storeError{op, cause.Error() + known(err), cause}
	case errors.Is(err, context.DeadlineExceeded) || mongo.IsTimeout(err):
		// The driver and the server give up a little before a deadline that an answer would miss.
		return &storeError{op, "timed out" + known(err), context.DeadlineExceeded}
	default:
		return &storeError{op, reason(err), nil}
	}
}

func reason(err error) string {
	var command mongo.CommandError
	var write mongo.WriteException
	switch {
	case errors.Is(err, mongo.ErrClientDisconnected):
		return "the client is closed"
	case mongo.IsNetworkError(err):
		return "the connection failed" + known(err)
	case errors.As(err, &write) && len(write.WriteErrors) > 0:
		return fmt.Sprintf("the server answered with error code %d", write.WriteErrors[0].Code)
	case errors.As(err, &write) && write.WriteConcernError != nil:
		return fmt.Sprintf("the write was not confirmed: error code %d%s", write.WriteConcernError.Code, codeName(write.WriteConcernError.Name))
	case errors.As(err, &command):
		return fmt.Sprintf("the server answered with error code %d%s", command.Code, codeName(command.Name))
	default:
		return "the driver failed" + known(err)
	}
}

// codeName returns the name of an error code for a text, as long as it is no more than that.
func codeName(name string) string {
	for _, c := range name {
		if (c < 'a' || 'z' < c) && (c < 'A' || 'Z' < c) {
			return ""
		}
	}
	if name == "" || len(name) > 40 {
		return ""
	}
	return " (" + name + ")"
}

// known returns the phrases that help whoever runs the server, as far as the driver's text has them.
func known(err error) string {
	text := err.Error()
	for _, phrase := range []string{
		"connection refused", "connection reset", "connection closed", "broken pipe", "no such host",
		"no route to host", "network is unreachable", "certificate", "tls:", "server selection error",
	} {
		if strings.Contains(text, phrase) {
			return ": " + strings.TrimSuffix(phrase, ":")
		}
	}
	return ""
}
