package gateway

import (
	"container/list"
	"sync"

	"sluice"
)

// conversation is what the first request of one was decided to be.
type conversation struct {
	model, router string
	policy        sluice.Policy
}

// conversations remembers the latest so many, in this process alone: a request that another replica gets
// is decided on afresh.
type conversations struct {
	most int

	mu    sync.Mutex
	byKey map[string]*list.Element
	order list.List // of entry, the latest in front
}

type entry struct {
	key string
	c   conversation
}

func newConversations(most int) *conversations {
	return &conversations{most: most, byKey: map[string]*list.Element{}}
}

func (c *conversations) get(tenant, id string) (conversation, bool) {
	if id == "" {
		return conversation{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[tenant+"\x00"+id]
	if e == nil {
		return conversation{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(entry).c, true
}

func (c *conversations) put(tenant, id string, v conversation) {
	if id == "" {
		return
	}
	key := tenant + "\x00" + id
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		return // the first one stays
	}
	c.byKey[key] = c.order.PushFront(entry{key, v})
	if c.order.Len() > c.most {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.byKey, last.Value.(entry).key)
	}
}
