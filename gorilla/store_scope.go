package gorilla

import (
	"strings"
	"sync"
	"time"

	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
)

// scope is what a Jar is made for. The rest of a session's Options is not in it: that may differ from save to save, and dress writes it.
type scope struct {
	name, domain, path string
	lifetime           time.Duration
}

// scope returns where a session of this name and with these options lives, written in one way.
func (s *Store) scope(name string, o *sessions.Options) scope {
	sc := scope{
		name:     name,
		domain:   strings.TrimPrefix(o.Domain, "."), // which net/http does not send
		path:     o.Path,
		lifetime: s.config.Lifetime,
	}
	if sc.path == "" {
		sc.path = "/"
	}
	if sc.lifetime == 0 {
		sc.lifetime = max(DefaultMaxAge, seconds(s.options().MaxAge), s.oldMaxAge)
	}
	return sc
}

// maxJars bounds the Jars that are kept: applications may take names and paths from requests.
const maxJars = 256

// jars keeps the Jars that were made. Its zero value is ready to use, by several goroutines.
type jars struct {
	mu   sync.RWMutex
	made map[scope]*hardtack.Jar[content]
}

// jar returns the Jar of sc. The error joins a *hardtack.ConfigError for each fault.
func (s *Store) jar(sc scope) (*hardtack.Jar[content], error) {
	s.jars.mu.RLock()
	jar := s.jars.made[sc]
	s.jars.mu.RUnlock()
	if jar != nil {
		return jar, nil
	}
	jar, err := s.newJar(sc)
	if err != nil {
		return nil, err
	}
	s.jars.mu.Lock()
	defer s.jars.mu.Unlock()
	if s.jars.made == nil {
		s.jars.made = make(map[scope]*hardtack.Jar[content])
	}
	if len(s.jars.made) < maxJars { // several may be made at once: one is as good as another
		s.jars.made[sc] = jar
	}
	return jar, nil
}

func (s *Store) newJar(sc scope) (*hardtack.Jar[content], error) {
	c := s.config
	c.Name, c.Domain, c.Path = sc.name, sc.domain, sc.path
	c.Lifetime = sc.lifetime
	c.Serializer = contentSerializer{}
	c.BrowserSession, c.IdleTimeout = true, 0 // until and dress see to both
	sealed := hardtack.NewSealedCodec(c.Keys, c.Serializer)
	if s.old != nil {
		former := hardtack.Former{Domain: sc.domain, Path: sc.path, Codec: s.old, Label: s.former.label}
		if s.writeOld {
			c.Codec, former.Codec = s.old, sealed
		}
		c.Formerly = []hardtack.Former{former}
	}
	if s.overflow == nil {
		return hardtack.New[content](c)
	}
	if c.Codec == nil {
		c.Codec = restless{sealed}
	}
	return hardtack.NewHybrid[content](c, s.overflow)
}
