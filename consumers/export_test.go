package consumers

// Heard is how many claims of messages that overtake others the runner knows of.
func (r *Runner) Heard() int { return int(r.heard.n.Load()) }
