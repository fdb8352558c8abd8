package micro

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"sluice"
)

// endpoint is one subject of a service, and what became of its requests.
type endpoint struct {
	name, subject string
	figures       figures
}

// monitored answers what `nats micro` asks of services, in the words of NATS' protocol for them. Package micro's own
// service knows nothing of a request once its handler has handed it over, so that it would tell of no error, and of no
// time spent.
type monitored struct {
	nc        *nats.Conn
	identity  micro.ServiceIdentity
	about     string
	started   time.Time
	endpoints []*endpoint // all of them before a second goroutine looks: see listen
	subs      []*nats.Subscription
}

func newMonitored(nc *nats.Conn, name, version, about string) *monitored {
	return &monitored{
		nc: nc, about: about, started: time.Now().UTC(),
		identity: micro.ServiceIdentity{Name: name, ID: sluice.NewID(), Version: version, Metadata: map[string]string{}},
	}
}

// listen answers from now on. No endpoint is added any more.
func (m *monitored) listen() error {
	for verb, say := range map[micro.Verb]func() any{
		micro.PingVerb:  func() any { return micro.Ping{ServiceIdentity: m.identity, Type: micro.PingResponseType} },
		micro.InfoVerb:  func() any { return m.info() },
		micro.StatsVerb: func() any { return m.stats() },
	} {
		for _, of := range [][2]string{{}, {m.identity.Name}, {m.identity.Name, m.identity.ID}} {
			subject, err := micro.ControlSubject(verb, of[0], of[1])
			if err != nil {
				return fmt.Errorf("NATS service %s: %w", m.identity.Name, err)
			}
			err = m.subscribe(m.nc.Subscribe(subject, func(asked *nats.Msg) {
				data, _ := json.Marshal(say()) // words and numbers alone
				_ = asked.Respond(data)        // whoever asked is told by its own deadline
			}))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// subscribe keeps what the connection made.
func (m *monitored) subscribe(sub *nats.Subscription, err error) error {
	if err != nil {
		return fmt.Errorf("NATS service %s: %w", m.identity.Name, err)
	}
	m.subs = append(m.subs, sub)
	return nil
}

// stop takes nothing any more. What has arrived is handled yet.
func (m *monitored) stop() error {
	var faults []error
	for _, sub := range m.subs {
		if err := sub.Drain(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			faults = append(faults, fmt.Errorf("NATS service %s: %s: %w", m.identity.Name, sub.Subject, err))
		}
	}
	return errors.Join(faults...)
}

func (m *monitored) info() micro.Info {
	i := micro.Info{ServiceIdentity: m.identity, Type: micro.InfoResponseType, Description: m.about}
	for _, e := range m.endpoints {
		i.Endpoints = append(i.Endpoints, micro.EndpointInfo{Name: e.name, Subject: e.subject, QueueGroup: queueGroup})
	}
	return i
}

func (m *monitored) stats() micro.Stats {
	s := micro.Stats{ServiceIdentity: m.identity, Type: micro.StatsResponseType, Started: m.started}
	for _, e := range m.endpoints {
		now, spent := e.figures.now(), time.Duration(e.figures.spentUS.Load())*time.Microsecond
		data, _ := json.Marshal(now) // numbers alone
		last, _ := e.figures.last.Load().(string)
		s.Endpoints = append(s.Endpoints, &micro.EndpointStats{
			Name: e.name, Subject: e.subject, QueueGroup: queueGroup, NumRequests: int(now.Requests), NumErrors: int(now.Faults), LastError: last,
			ProcessingTime: spent, AverageProcessingTime: time.Duration(now.AverageUS) * time.Microsecond, Data: data,
		})
	}
	return s
}
