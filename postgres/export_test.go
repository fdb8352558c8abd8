package postgres

// Dir is where a private cluster really is; empty for the operator's server.
func (c *Cluster) Dir() string { return c.layout.dir }

// Claim names, in a moved cluster's directory, the one that was asked for.
func Claim(dir, asked string) error { return layout{dir: dir}.claim(asked) }

// SweepMoved removes a moved cluster that nobody can ask for any more.
func SweepMoved(dir string) { sweepMoved(dir) }
