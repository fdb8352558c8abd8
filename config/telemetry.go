package config

import (
	"fmt"
	"net/url"
)

// Telemetry says where traces go.
type Telemetry struct {
	Endpoint string  `key:"endpoint" env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" doc:"URL of an OTLP/HTTP collector's traces: http://collector:4318/v1/traces. Empty traces nothing and costs nothing. A header that the collector wants, a key say, comes from the environment alone: OTEL_EXPORTER_OTLP_HEADERS."`
	Share    float64 `key:"share" doc:"Share of the traces that begin in this process and are kept, 0 to 1. One that began elsewhere is kept if its beginning was."`
}

func defaultTelemetry() Telemetry { return Telemetry{Share: 1} }

func (c *Config) checkTelemetry(k checker) {
	t := c.Telemetry
	k.want(t.Share >= 0 && t.Share <= 1, "telemetry.share", fmt.Sprintf("is %v", t.Share), "want 0 to 1; 1 keeps every trace")
	if t.Endpoint == "" {
		return
	}
	u, err := url.Parse(t.Endpoint)
	ok := err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
	k.want(ok, "telemetry.endpoint", "is no URL of http or https", "name the collector's traces: http://collector:4318/v1/traces")
	k.want(!ok || u.User == nil, "telemetry.endpoint", "holds a password", "put it into OTEL_EXPORTER_OTLP_HEADERS")
}
