package main

import "sluice/config"

// configCmd shows the configuration.
type configCmd struct {
	Print configPrintCmd `cmd:"" help:"Print the effective configuration as a sluice.yaml; secrets are never shown."`
}

type configPrintCmd struct {
	Defaults bool `help:"Print the defaults instead: a sluice.yaml that documents every key."`
}

// Run prints the configuration even where it has faults, and then names them.
func (c *configPrintCmd) Run(m *Main) error {
	if c.Defaults {
		return config.Print(m.Stdout, config.Default())
	}
	if err := config.Print(m.Stdout, m.config); err != nil {
		return err
	}
	return m.loadErr
}
