package main

import (
	"context"
	"maps"
	"sync"

	"github.com/hardtack-go/hardtack"
)

// counts is what the servers have told of the cookies that they were shown.
type counts struct {
	mu      sync.Mutex
	opened  map[string]int // by format
	former  map[string]int // by the label of the entry in Formerly
	refused int
}

// observer counts for servers whose own format is this one.
func (c *counts) observer(own string) hardtack.Observer {
	return hardtack.Observer{
		Opened: func(_ context.Context, _, former string) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if former == "" {
				c.opened[own]++
				return
			}
			c.opened[former]++
			c.former[former]++
		},
		Refused: func(context.Context, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.refused++
		},
	}
}

// read returns what was counted so far.
func (c *counts) read() (opened map[string]int, refused int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.opened), c.refused
}
