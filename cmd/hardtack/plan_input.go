package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Bounds of what plan reads.
const (
	maxSampleInput = 64 << 20 // bytes of all files together
	maxSampleBytes = 4 << 20  // of one session
	maxSamples     = 10_000
)

// sample is the data of one session. Its numbers are int64, uint64 or float64.
type sample map[string]any

// samples reads sessions out of files.
type samples struct {
	in    io.Reader // standard input
	left  int64     // bytes that may still be read
	count int
	each  func(sample) error
}

// readSamples calls each with every session in the files, or in standard input for "-" or without files. A file has one JSON object,
// several one after the other, or arrays of them.
func readSamples(in io.Reader, files []string, each func(sample) error) error {
	s := &samples{in: in, left: maxSampleInput, each: each}
	if len(files) == 0 {
		files = []string{"-"}
	}
	for i, name := range files {
		if name == "-" {
			for _, earlier := range files[:i] {
				if earlier == name {
					return usagef("standard input can be read once only")
				}
			}
			if err := s.read(s.in, "standard input"); err != nil {
				return err
			}
			continue
		}
		if err := s.readFile(name); err != nil {
			return err
		}
	}
	if s.count == 0 {
		return fail("no-sample", "there is no session in this: give JSON objects, one or many")
	}
	return nil
}

func (s *samples) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return plainPath(err)
	}
	defer f.Close()
	return s.read(f, untrusted(name).String())
}

// read reads all sessions of one file, which errors call name. They show no data.
func (s *samples) read(r io.Reader, name string) error {
	limited := &io.LimitedReader{R: r, N: s.left + 1}
	text := bufio.NewReader(limited)
	mark, err := skipMark(text)
	if err != nil {
		return fail("not-json", "%s: %w", name, err)
	}
	d := json.NewDecoder(text)
	d.UseNumber()
	refuse := func(err error) error {
		var malformed *json.SyntaxError
		var reading *fs.PathError
		switch {
		case limited.N <= 0:
			return fail("too-large", "more than %d MiB of samples: give fewer", maxSampleInput>>20)
		case errors.As(err, &malformed) && strings.Contains(malformed.Error(), "max depth"):
			return fail("failed", "%s, session %d: is nested too deeply", name, s.count+1)
		case errors.As(err, &malformed), errors.Is(err, io.ErrUnexpectedEOF):
			return fail("not-json", "%s: not JSON, at or before byte %d", name, d.InputOffset()+int64(mark))
		case errors.As(err, &reading):
			err = reading.Err // the path is there already
		}
		return fail("failed", "%s, session %d: %w", name, s.count+1, err)
	}
	for {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if err == io.EOF && limited.N > 0 {
			break
		}
		if err != nil {
			return refuse(err)
		}
		if bytes.HasPrefix(raw, []byte("[")) {
			err = s.array(raw)
		} else {
			err = s.one(raw)
		}
		if err != nil {
			return refuse(err)
		}
	}
	s.left = limited.N - 1
	return nil
}

var errUTF16 = errors.New("UTF-16, where UTF-8 is expected")

// skipMark skips the byte order mark of UTF-8, and returns its size.
func skipMark(r *bufio.Reader) (int, error) {
	start, _ := r.Peek(3) // an error comes again
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		return r.Discard(3)
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")), len(start) > 1 && (start[0] == 0) != (start[1] == 0):
		return 0, errUTF16
	}
	return 0, nil
}

// plainPath escapes a path in an error: a terminal must not obey it.
func plainPath(err error) error {
	var one *fs.PathError
	var two *os.LinkError
	switch {
	case errors.As(err, &one):
		return fmt.Errorf("%s %s: %w", one.Op, untrusted(one.Path), one.Err)
	case errors.As(err, &two):
		return fmt.Errorf("%s %s: %w", two.Op, untrusted(two.New), two.Err)
	}
	return err
}

// array takes each element of a valid array as a session.
func (s *samples) array(raw json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		var element json.RawMessage
		if err := d.Decode(&element); err != nil {
			return err
		}
		if err := s.one(element); err != nil {
			return err
		}
	}
	return nil
}

// one takes a session, in valid JSON.
func (s *samples) one(raw json.RawMessage) error {
	switch {
	case raw[0] != '{':
		return errors.New("is not a JSON object")
	case len(raw) > maxSampleBytes:
		return fmt.Errorf("has more than %d MiB", maxSampleBytes>>20)
	case s.count == maxSamples:
		return fmt.Errorf("is one more than the %d that are read: give fewer", maxSamples)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var data map[string]any
	if err := d.Decode(&data); err != nil {
		return errors.New("cannot be read") // what the decoder says may quote it
	}
	for name, value := range data {
		n, err := withNumbers(value)
		if err != nil {
			return err
		}
		data[name] = n
	}
	if err := s.each(data); err != nil {
		return err
	}
	s.count++
	return nil
}

var errNumber = errors.New("has a number that is too large")

// withNumbers replaces the numbers in v by what a Go program would have: an integer where it is one.
func withNumbers(v any) (_ any, err error) {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return i, nil
		}
		if u, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return u, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, errNumber
		}
		return f, nil
	case map[string]any:
		for name, value := range v {
			if v[name], err = withNumbers(value); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, value := range v {
			if v[i], err = withNumbers(value); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
