package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// SettingError is a setting of the server with which it loses sessions.
type SettingError struct {
	Name   string // as in redis.conf
	Value  string // what it is
	Want   string // what it should be
	Reason string // what happens otherwise
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("redisstore: %s is %s, should be %s: %s", e.Name, e.Value, e.Want, e.Reason)
}

// CheckSettings asks the server for the settings on which sessions depend, and returns a *SettingError for each
// that is wrong, joined; errors.As finds the first. Of a cluster it asks every primary. Call it at start and log what it returns: neither New nor
// Open does. What it reports is a risk, and no reason not to start.
//
// It needs INFO, which is often allowed where CONFIG is not. If it cannot ask, the error matches hardtack.ErrStoreUnavailable.
// It cannot see appendfsync.
func (s *Store) CheckSettings(ctx context.Context) error {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return checkSettings(ctx, s.client)
	}
	var mu sync.Mutex
	var faults []error
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		fault := checkSettings(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		faults = append(faults, fault)
		return nil
	})
	return errors.Join(append(faults, unavailable(ctx, "check settings", err))...)
}

func checkSettings(ctx context.Context, client redis.Cmdable) error {
	memory, err := client.Info(ctx, "memory").Result()
	if err != nil {
		return unavailable(ctx, "check settings", err)
	}
	persistence, err := client.Info(ctx, "persistence").Result()
	if err != nil {
		return unavailable(ctx, "check settings", err)
	}
	var faults []error
	if policy := infoField(memory, "maxmemory_policy"); policy != "" && policy != "noeviction" {
		faults = append(faults, &SettingError{"maxmemory-policy", policy, "noeviction",
			"the server drops sessions that are still good to make room, and the marks of those that were ended"})
	}
	if infoField(persistence, "aof_enabled") == "0" {
		faults = append(faults, &SettingError{"appendonly", "no", "yes",
			"a restart loses what was saved since the last snapshot"})
	}
	return errors.Join(faults...)
}

// infoField returns a field of the reply to INFO; empty if it is not there.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
