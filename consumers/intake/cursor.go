package intake

// cursor walks JSON that is known to be well-formed.
type cursor struct {
	data []byte
	at   int
}

// members calls f with the bytes of every key and value of the object at the cursor.
func (c *cursor) members(f func(key, val []byte) error) error {
	c.open()
	for c.data[c.at] != '}' {
		key := c.next()
		c.blank() // the colon
		c.at++
		if err := f(key, c.next()); err != nil {
			return err
		}
		c.comma()
	}
	c.at++
	return nil
}

// elements calls f with the bytes of every element of the list at the cursor.
func (c *cursor) elements(f func(e []byte) error) error {
	c.open()
	for c.data[c.at] != ']' {
		if err := f(c.next()); err != nil {
			return err
		}
		c.comma()
	}
	c.at++
	return nil
}

// open steps over a bracket to what it holds.
func (c *cursor) open() {
	c.blank()
	c.at++
	c.blank()
}

// comma steps over a comma, if one follows, to what comes after it.
func (c *cursor) comma() {
	c.blank()
	if c.data[c.at] == ',' {
		c.at++
		c.blank()
	}
}

func (c *cursor) blank() {
	for c.data[c.at] == ' ' || c.data[c.at] == '\t' || c.data[c.at] == '\r' || c.data[c.at] == '\n' {
		c.at++
	}
}

// next steps over one value and returns its bytes.
func (c *cursor) next() []byte {
	c.blank()
	start := c.at
	switch c.data[c.at] {
	case '"':
		c.text()
	case '{', '[':
		c.nested()
	default: // a number or a word ends where something else begins; a value of an object always has an end
		for c.at < len(c.data) && !ends(c.data[c.at]) {
			c.at++
		}
	}
	return c.data[start:c.at]
}

func ends(b byte) bool {
	switch b {
	case ',', '}', ']', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

// text steps over quoted text.
func (c *cursor) text() {
	for c.at++; c.data[c.at] != '"'; c.at++ {
		if c.data[c.at] == '\\' {
			c.at++
		}
	}
	c.at++
}

// nested steps over an object or a list of any depth.
func (c *cursor) nested() {
	depth := 0
	for {
		switch c.data[c.at] {
		case '"':
			c.text()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		c.at++
		if depth == 0 {
			return
		}
	}
}
