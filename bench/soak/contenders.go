package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/internal/servers"
)

// lifetime of a session: the default of both libraries.
const lifetime = 24 * time.Hour

// programs are the paths of what has been built.
type programs struct{ shop, scsshop, hardtack string }

func buildAll(ctx context.Context, root, dir string) (programs, error) {
	p := programs{filepath.Join(dir, "shop"), filepath.Join(dir, "scsshop"), filepath.Join(dir, "hardtack")}
	return p, errors.Join(
		build(ctx, filepath.Join(root, "examples", "shop"), p.shop),
		build(ctx, filepath.Join(root, "bench", "soak", "scsshop"), p.scsshop),
		build(ctx, filepath.Join(root, "cmd", "hardtack"), p.hardtack),
	)
}

func build(ctx context.Context, folder, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", to, ".")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", filepath.Base(to), err, out)
	}
	return nil
}

// modulesOf returns with which versions of the other libraries a program was built, and this one with which of vegeta.
func modulesOf(program string) ([]string, error) {
	built, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	deps := built.Deps
	if self, ok := debug.ReadBuildInfo(); ok {
		deps = append(deps, self.Deps...)
	}
	var modules []string
	for _, m := range deps {
		switch m.Path {
		case "github.com/alexedwards/scs/v2", "github.com/alexedwards/scs/goredisstore", "github.com/redis/go-redis/v9", "github.com/tsenart/vegeta/v12":
			modules = append(modules, strings.TrimPrefix(m.Path, "github.com/")+" "+m.Version)
		}
	}
	slices.Sort(modules)
	return slices.Compact(modules), nil
}

// contender is a shop with what belongs to it.
type contender struct {
	name string
	*process
	redis  *redisServer // nil: none
	keys   *keys        // nil: it has none that rotate
	moving bool         // sessions move between the cookie and the store
}

// redisArgs make Redis write to disk once a second, which is its default for the append-only file.
var redisArgs = []string{"--appendfsync", "everysec"}

func openHardtack(ctx context.Context, t servers.T, dir string, p programs) (*contender, error) {
	server := servers.Redis(t, redisArgs...)
	k := &keys{command: p.hardtack, file: filepath.Join(dir, "keys.json")}
	if err := k.init(ctx); err != nil {
		return nil, err
	}
	shop, err := start(ctx, p.shop, nil, "-addr", "127.0.0.1:0", "-mode", "hybrid", "-store", server.URL(), "-keys", k.file,
		"-lifetime", lifetime.String(), "-poll", "1s", "-debug-keys", "-debug-runtime")
	if err != nil {
		return nil, err
	}
	t.Cleanup(shop.kill)
	k.url = shop.url
	return &contender{"hardtack", shop, openRedis(server), k, true}, nil
}

func openSCS(ctx context.Context, t servers.T, p programs) (*contender, error) {
	server := servers.Redis(t, redisArgs...)
	shop, err := start(ctx, p.scsshop, nil, "-addr", "127.0.0.1:0", "-redis", server.URL(), "-lifetime", lifetime.String())
	if err != nil {
		return nil, err
	}
	t.Cleanup(shop.kill)
	return &contender{"scs", shop, openRedis(server), nil, false}, nil
}

// close ends the shop as an operator does, and Redis, and adds to the outcome how the shop ended.
func (c *contender) close(o *outcome) error {
	o.shutdown, o.cpu, o.said = c.stop(), c.cpu(), c.said.String()
	if c.redis != nil {
		return c.redis.close()
	}
	return nil
}
