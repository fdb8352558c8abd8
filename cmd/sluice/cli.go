package main

import "strings"

// cli is the command line: global flags and one field a command.
type cli struct {
	Config    string   `placeholder:"PATH" env:"SLUICE_CONFIG" help:"Configuration file. Default: sluice.yaml in the working directory, if it is there."`
	Set       []string `placeholder:"KEY=VALUE" sep:"none" help:"Set one key of the configuration; may be repeated. See: sluice config print --defaults."`
	DataDir   string   `placeholder:"DIR" help:"Short for --set data_dir=DIR."`
	LogLevel  string   `default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
	LogFormat string   `default:"auto" enum:"auto,text,json" help:"text, json, or auto: text on a terminal, JSON elsewhere."`

	Demo     demoCmd     `cmd:"" help:"Carry questions round the whole ring, from nothing, and show what came of it."`
	Up       upCmd       `cmd:"" help:"Run the whole ring in this process: embedded NATS, Postgres, every stage."`
	Gateway  gatewayCmd  `cmd:"" help:"Answer requests for models over HTTP, in the words of OpenAI and Gemini, and over NATS."`
	Ask      askCmd      `cmd:"" help:"Answer one query end to end: router, rules, model, decision."`
	Route    routeCmd    `cmd:"" help:"Serve the router alone."`
	Consume  consumeCmd  `cmd:"" help:"Run one stage; any number of copies share its work."`
	Publish  publishCmd  `cmd:"" help:"Ask the questions of a file, or of the built-in bank."`
	Dead     deadCmd     `cmd:"" help:"List, show, replay or drop what could not be handled."`
	Replay   replayCmd   `cmd:"" help:"Send a window of the log through a stage once more; nothing that is stored is bought again."`
	Relabel  relabelCmd  `cmd:"" help:"Draw labels anew from stored verdicts, by the matrix of the configuration; no model is asked."`
	Forget   forgetCmd   `cmd:"" help:"Erase a person's queries from the log, its disk and the tables."`
	Status   statusCmd   `cmd:"" help:"Show lag, rate, work in hand, dead letters and sizes, on one screen."`
	SQL      sqlCmd      `cmd:"" name:"sql" help:"Ask the tables in SQL, as the read-only role analyst."`
	Dataset  datasetCmd  `cmd:"" help:"Export the oracle data set."`
	Rules    rulesCmd    `cmd:"" help:"Show, try and replay the rules that say which model a policy means."`
	Eval     evalCmd     `cmd:"" help:"Measure routers on graded answers, beside the controls that any router must beat."`
	Train    trainCmd    `cmd:"" help:"Train routers: watch, ask, work, cancel, look."`
	Model    modelCmd    `cmd:"" help:"Keep routers: list, import, promote, roll back, pin, canary, shadow."`
	Migrate  migrateCmd  `cmd:"" help:"Apply or list the migrations of the tables."`
	Emulator emulatorCmd `cmd:"" help:"Serve emulated models over HTTP: the Gemini and OpenAI APIs, books and faults included."`
	Bench    benchCmd    `cmd:"" help:"Measure what this machine can do."`
	Keys     keysCmd     `cmd:"" help:"Make, list and revoke the API keys of the gateways."`
	Budgets  budgetsCmd  `cmd:"" help:"Show what is spent of the budgets, or put it right from the ledger."`
	Conf     configCmd   `cmd:"" name:"config" help:"Show the configuration."`
	Streams  streamsCmd  `cmd:"" help:"Create or update the streams of the log."`
	Version  versionCmd  `cmd:"" help:"Show the version."`
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
