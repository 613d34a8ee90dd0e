package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// keyWait is how long a shop may take to know a new key: longer than its interval of 10 s between two looks at the file.
const keyWait = 30 * time.Second

// keys are the key file of a shop, which the hardtack command rotates.
type keys struct {
	command, file string
	url           string // of the shop
}

func (k *keys) init(ctx context.Context) error {
	return k.run(ctx, nil, "init", "--lifetime", lifetime.String())
}

// run runs hardtack keys with these arguments and reads its answer into out, unless that is nil.
func (k *keys) run(ctx context.Context, out any, args ...string) error {
	args = append(append([]string{"keys"}, args...), "--file", k.file, "--json")
	text, err := exec.CommandContext(ctx, k.command, args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return fmt.Errorf("hardtack keys %s: %w: %s", args[1], err, strings.Join(strings.Fields(string(exit.Stderr)), " "))
	}
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// keyReport is what the shop answers to /debug/keys.
type keyReport struct {
	Sealing string   `json:"sealing"`
	Faults  []string `json:"faults"`
	Keys    []struct {
		ID     string `json:"id"`
		State  string `json:"state"`
		Sealed uint64 `json:"sealed"`
	} `json:"keys"`
}

func (k *keys) report(ctx context.Context) (r keyReport, err error) {
	return r, getJSON(ctx, k.url+"/debug/keys", &r)
}

// sealed returns with how many keys the shop has sealed.
func (r *keyReport) sealed() int {
	n := 0
	for _, k := range r.Keys {
		if k.Sealed > 0 {
			n++
		}
	}
	return n
}

// rotate lets a new key seal, in the order in which it is done on a fleet: it is announced, and seals when it has arrived.
func (k *keys) rotate(ctx context.Context) error {
	var rotation struct{ Added string }
	if err := k.run(ctx, &rotation, "rotate"); err != nil {
		return err
	}
	if err := k.until(ctx, func(r *keyReport) bool {
		for _, key := range r.Keys {
			if key.ID == rotation.Added && key.State == "announced" {
				return true
			}
		}
		return false
	}); err != nil {
		return fmt.Errorf("the announced key has not arrived: %w", err)
	}
	if err := k.run(ctx, nil, "promote", rotation.Added); err != nil {
		return err
	}
	if err := k.until(ctx, func(r *keyReport) bool { return r.Sealing == rotation.Added }); err != nil {
		return fmt.Errorf("the promoted key does not seal: %w", err)
	}
	return nil
}

// until waits until the shop reports what is wanted.
func (k *keys) until(ctx context.Context, wanted func(*keyReport) bool) error {
	ctx, cancel := context.WithTimeout(ctx, keyWait)
	defer cancel()
	for {
		r, err := k.report(ctx)
		if err != nil {
			return err
		}
		if wanted(&r) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
