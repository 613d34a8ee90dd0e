//go:build unix

package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// redisDo asks the Redis at addr something over a new connection, for which it authenticates unless the password is
// empty. The elements of an array are separated by spaces.
func redisDo(ctx context.Context, addr, password string, args ...string) (string, error) {
	conn, err := (&net.Dialer{Timeout: askLimit}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(askLimit)); err != nil {
		return "", err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewReader(conn)
	if password != "" {
		if _, err := redisAsk(conn, in, "AUTH", password); err != nil {
			return "", err
		}
	}
	return redisAsk(conn, in, args...)
}

func redisAsk(out io.Writer, in *bufio.Reader, args ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return "", err
	}
	return redisReply(in)
}

func redisReply(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("an empty reply")
	}
	switch rest := line[1:]; line[0] {
	case '+', ':':
		return rest, nil
	case '-':
		return "", errors.New(rest)
	case '$':
		size, err := strconv.Atoi(rest)
		if err != nil || size < 0 {
			return "", err // nil is as good as empty
		}
		data := make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(in, data); err != nil {
			return "", err
		}
		return string(data[:size]), nil
	case '*':
		size, err := strconv.Atoi(rest)
		if err != nil {
			return "", err
		}
		var elements []string
		for range size {
			element, err := redisReply(in)
			if err != nil {
				return "", err
			}
			elements = append(elements, element)
		}
		return strings.Join(elements, " "), nil
	default:
		return "", fmt.Errorf("a reply of type %q", line[0])
	}
}
