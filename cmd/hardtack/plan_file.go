package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// pageStart is how a page of ours begins, and no other.
const pageStart = "<!DOCTYPE html>\n<html lang=\"en\" id=\"hardtack-plan\">\n"

// mayOverwrite returns an error unless path is free, empty, or an earlier report that is none of the files that are read.
func mayOverwrite(path string, files []string) error {
	if path == "-" {
		return usagef("--html -: must be a file, since standard output has the report as text")
	}
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return plainPath(err)
	}
	for _, file := range files {
		if in, err := os.Stat(file); err == nil && os.SameFile(in, there) {
			return usagef("--html %s: is one of the files that are read", untrusted(path))
		}
	}
	if !there.Mode().IsRegular() {
		return fail("exists", "--html %s: is there already, and not a file", untrusted(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return plainPath(err)
	}
	defer f.Close()
	start := make([]byte, len(pageStart))
	n, err := io.ReadFull(f, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return plainPath(err)
	}
	if n > 0 && !bytes.Equal(start, []byte(pageStart)) {
		return fail("exists", "--html %s: is there already, and not a report; it is left as it is", untrusted(path))
	}
	return nil
}

// writePlanFile writes the page to path, whole or not at all.
func writePlanFile(path string, r *planReport) error {
	if link, err := filepath.EvalSymlinks(path); err == nil {
		path = link
	}
	temporary := filepath.Join(filepath.Dir(path), ".hardtack-plan-"+rand.Text())
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	err = errors.Join(writePlanHTML(f, r), f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
}
