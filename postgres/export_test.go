package postgres

// Dir is where a private cluster really is; empty for the operator's server.
func (c *Cluster) Dir() string { return c.layout.dir }
