package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/redis/go-redis/v9"
)

// storeError is a failure of the server, or of the way to it. It matches hardtack.ErrStoreUnavailable. A server's error may quote
// what it was sent, IDs and data, so neither its text nor the error itself is passed on as it is.
type storeError struct {
	op     string
	text   string
	causes []error
}

func (e *storeError) Error() string { return "redisstore: " + e.op + ": " + e.text }

func (e *storeError) Unwrap() []error { return append(e.causes, hardtack.ErrStoreUnavailable) }

// serverError is the harmless part of a server's error. It is a redis.Error, so that redis.HasErrorPrefix knows it.
type serverError string

func (e serverError) Error() string { return string(e) }

// RedisError marks it as a redis.Error.
func (serverError) RedisError() {}

// unavailable returns the error of an operation, or nil if err is.
func unavailable(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	e := &storeError{op: op}
	switch ended := endOf(ctx, err); {
	case ended != nil:
		e.text, e.causes = ended.Error(), []error{ended}
		if cause := context.Cause(ctx); cause != nil {
			e.causes = append(e.causes, cause)
		}
	default:
		cause := harmless(err)
		e.text, e.causes = cause.Error(), []error{cause}
	}
	return e
}

// endOf returns why ctx has ended. A connection's deadline is the context's, and may be noticed a moment before.
func endOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return ended
		}
	}
	return nil
}

// harmless returns what of err can be logged.
func harmless(err error) error {
	var (
		server  redis.Error
		network *net.OpError
		cert    *tls.CertificateVerificationError
		alert   tls.AlertError
	)
	for _, known := range []error{redis.ErrClosed, redis.ErrPoolTimeout, redis.ErrPoolExhausted, errNoRecord, errNoIndex} {
		if errors.Is(err, known) {
			return known
		}
	}
	switch {
	case errors.As(err, &network):
		return network
	case errors.As(err, &cert):
		return cert
	case errors.As(err, &alert):
		return alert
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return os.ErrDeadlineExceeded // "i/o timeout", the client's own
	case errors.As(err, &server):
		return harmlessReply(server.Error())
	}
	return fmt.Errorf("the server cannot be reached, or is none of Redis: a %T", err) // an answer that is none may be quoted in it
}

// harmlessReply cuts an error's text where it may begin to quote: an unknown command's, for
// one, goes on with the command's arguments.
func harmlessReply(text string) serverError {
	if i := strings.IndexAny(text, "'\"`:,(@\n"); i >= 0 {
		text = strings.TrimSpace(text[:i]) + " ..."
	}
	const limit = 100
	if len(text) > limit {
		text = text[:limit] + " ..."
	}
	return serverError(text)
}
