package storetest

// ClauseNames returns the names of all clauses, with their groups'.
func ClauseNames() (names []string) {
	for _, g := range groups {
		for _, c := range g.clauses {
			names = append(names, g.name+"/"+c.name)
		}
	}
	return names
}
