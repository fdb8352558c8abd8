package config

import (
	"time"

	"sluice"
)

// Default is the configuration where nothing was chosen: one machine, Gemini's pair, the oracle matrix
// of the architecture.
func Default() Config {
	return Config{
		DataDir: ".sluice",
		NATS: NATS{
			EmbeddedHost: "127.0.0.1",
			Replicas:     1,
			MaxAge:       365 * 24 * time.Hour,
			AckWait:      time.Minute,
			RepliesBytes: 256 << 20,
			Duplicates:   2 * time.Minute,
		},
		Postgres: Postgres{MaxConns: 8},
		Models: []Model{
			DefaultModel("gemini-2.5-flash"),
			DefaultModel("gemini-2.5-pro"),
		},
		Pair:     Pair{Medium: "gemini-2.5-flash", Large: "gemini-2.5-pro"},
		Judge:    Judge{Model: "gemini-2.5-pro", Version: "v1"},
		Analysis: Analysis{Model: "gemini-2.5-flash", Version: "v1"},
		Policies: defaultPolicies(),
		Query:    Query{MaxBytes: 16 << 10},
		Split:    Split{Seed: 42, TrainShare: 0.8},
		Privacy:  Privacy{ScrubSources: []string{"online", "gateway"}},
		Stages: Stages{
			Intake:   Stage{Concurrency: 64, Attempts: 5, Deadline: 30 * time.Second},
			Answer:   Stage{Concurrency: 32, Attempts: 5, Deadline: 15 * time.Minute},
			Judge:    Stage{Concurrency: 64, Attempts: 5, Deadline: 15 * time.Minute},
			Label:    Stage{Concurrency: 256, Attempts: 5, Deadline: 30 * time.Second},
			Analysis: Stage{Concurrency: 32, Attempts: 5, Deadline: 15 * time.Minute},
			Record:   Stage{Concurrency: 2000, Attempts: 20, Deadline: time.Minute},
			Training: Stage{Concurrency: 500, Attempts: 20, Deadline: time.Minute},
			Monitor:  Stage{Concurrency: 500, Attempts: 20, Deadline: time.Minute},
		},
		Training:  defaultTraining(),
		Gateway:   defaultGateway(),
		Routing:   defaultRouting(),
		Monitor:   defaultMonitor(),
		Emulator:  Emulator{Host: "127.0.0.1", Seed: 1},
		Telemetry: defaultTelemetry(),
		Budgets:   defaultBudgets(),
		Keys:      defaultKeys(),
	}
}

// DefaultModel is a Gemini model with the limits that an entry of models has where it names none.
func DefaultModel(name string) Model {
	return Model{
		Name:          name,
		Provider:      "gemini",
		KeyEnv:        "GEMINI_API_KEY",
		Concurrency:   32,
		Timeout:       2 * time.Minute,
		MaxAttempts:   4,
		MaxInputBytes: 256 << 10,
	}
}

// usualKeyEnv names the variable of a model whose entry names none. No key goes to a server that it was not made
// for: one that speaks OpenAI's API elsewhere gets none.
func (m *Model) usualKeyEnv() string {
	switch {
	case m.Provider != "openai":
		return "GEMINI_API_KEY"
	case m.BaseURL == "":
		return "OPENAI_API_KEY"
	}
	return ""
}

func defaultPolicies() []Policy {
	var out []Policy
	for _, p := range sluice.DefaultPolicies() {
		out = append(out, Policy{Name: string(p.Name), Description: p.Description, Tier: string(p.Tier)})
	}
	return out
}

// fresh is what the keys of a list's new entry are before the entry is read.
func fresh(entry any) any {
	switch entry.(type) {
	case Model:
		return DefaultModel("")
	case Budget:
		return Budget{Scope: "global", Period: "day", Action: "refuse", WarnAt: 0.8}
	}
	return entry
}
