package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// cli is the command line: global flags and one field a command.
type cli struct {
	Config    string   `placeholder:"PATH" env:"SLUICE_CONFIG" help:"Configuration file. Default: sluice.yaml in the working directory, if it is there."`
	Set       []string `placeholder:"KEY=VALUE" sep:"none" help:"Set one key of the configuration; may be repeated. See: sluice config print --defaults."`
	DataDir   string   `placeholder:"DIR" help:"Short for --set data_dir=DIR."`
	LogLevel  string   `default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
	LogFormat string   `default:"auto" enum:"auto,text,json" help:"text, json, or auto: text on a terminal, JSON elsewhere."`

	Demo    demoCmd    `cmd:"" group:"ring" help:"Carry questions round the whole ring, from nothing, and show what came of it."`
	Up      upCmd      `cmd:"" group:"ring" help:"Run the whole ring in this process: embedded NATS, Postgres, every stage."`
	Publish publishCmd `cmd:"" group:"ring" help:"Ask the questions of a file, or of the built-in bank."`
	Consume consumeCmd `cmd:"" group:"ring" help:"Run one stage; any number of copies share its work."`
	Status  statusCmd  `cmd:"" group:"ring" help:"Show lag, rate, work in hand, dead letters and sizes, on one screen."`
	Dead    deadCmd    `cmd:"" group:"ring" help:"List, show, replay or drop what could not be handled."`
	Replay  replayCmd  `cmd:"" group:"ring" help:"Send a window of the log through a stage once more; nothing that is stored is bought again."`
	Relabel relabelCmd `cmd:"" group:"ring" help:"Draw labels anew from stored verdicts, by the matrix of the configuration; no model is asked."`
	Forget  forgetCmd  `cmd:"" group:"ring" help:"Erase a person's queries from the log, its disk and the tables."`

	Gateway gatewayCmd `cmd:"" group:"gateway" help:"Answer requests for models over HTTP, in the words of OpenAI and Gemini, and over NATS."`
	Ask     askCmd     `cmd:"" group:"gateway" help:"Answer one query end to end: router, rules, model, decision."`
	Route   routeCmd   `cmd:"" group:"gateway" help:"Serve the router alone."`
	Rules   rulesCmd   `cmd:"" group:"gateway" help:"Show, try and replay the rules that say which model a policy means."`
	Keys    keysCmd    `cmd:"" group:"gateway" help:"Make, list and revoke the API keys of the gateways."`
	Budgets budgetsCmd `cmd:"" group:"gateway" help:"Show what is spent of the budgets, or put it right from the ledger."`

	SQL     sqlCmd     `cmd:"" group:"learn" name:"sql" help:"Ask the tables in SQL, as the read-only role analyst."`
	Dataset datasetCmd `cmd:"" group:"learn" help:"Export the oracle data set."`
	Eval    evalCmd    `cmd:"" group:"learn" help:"Measure routers on graded answers, beside the controls that any router must beat."`
	Train   trainCmd   `cmd:"" group:"learn" help:"Train routers: watch, ask, work, cancel, look."`
	Model   modelCmd   `cmd:"" group:"learn" help:"Keep routers: list, import, promote, roll back, pin, canary, shadow."`

	Conf     configCmd   `cmd:"" group:"setup" name:"config" help:"Show the configuration."`
	Streams  streamsCmd  `cmd:"" group:"setup" help:"Create or update the streams of the log."`
	Migrate  migrateCmd  `cmd:"" group:"setup" help:"Apply or list the migrations of the tables."`
	Emulator emulatorCmd `cmd:"" group:"setup" help:"Serve emulated models over HTTP: the Gemini and OpenAI APIs, books and faults included."`
	Bench    benchCmd    `cmd:"" group:"setup" help:"Measure what this machine can do."`
	Version  versionCmd  `cmd:"" group:"setup" help:"Show the version."`
}

// groups are the commands' headings in the help, in their order.
var groups = []kong.Group{
	{Key: "ring", Title: "The ring:"},
	{Key: "gateway", Title: "The gateway:"},
	{Key: "learn", Title: "Data, routers and what they are worth:"},
	{Key: "setup", Title: "Set up, simulate, measure:"},
}

// sets is every --set, the short flags included.
func (c *cli) sets() []string {
	sets := c.Set
	if c.DataDir != "" {
		sets = append(sets, "data_dir="+c.DataDir)
	}
	return sets
}

// needsNoConfig says whether a command works where the configuration is at fault.
func needsNoConfig(command string) bool {
	return command == "version" || strings.HasPrefix(command, "config print")
}
