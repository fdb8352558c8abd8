package wire

// AwaitClosed waits until the server has closed the connection that fell idle last.
func (w *Wire) AwaitClosed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.idle); n > 0 {
		_, _ = w.idle[n-1].r.Peek(1)
	}
}

// Address is where the wire dials.
func (w *Wire) Address() string { return w.address }
