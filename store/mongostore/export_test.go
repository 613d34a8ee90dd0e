package mongostore

// Sweeps reports whether the Store sweeps by itself.
func (s *Store) Sweeps() bool { return s.sweeper != nil }
