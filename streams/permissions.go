package streams

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Each function here lists the subjects that one thing needs on the server's API.

// consume reads a whole stream by the stage's own durable.
func consume(stream, stage, version string) []string {
	return append(consumeAs(stream, DurableName(stage, version)), look(stream)...)
}

// consumeAs is consume by a durable, or by any where it is "*".
func consumeAs(stream, durable string) []string {
	create := "$JS.API.CONSUMER.CREATE." + stream + "." + durable
	return append([]string{create, create + ".>"}, fetch(stream, durable)...)
}

// consumeFiltered reads the part of a stream that one filter holds: the server compares the filter with
// the subject that the durable is asked for on.
func consumeFiltered(stream, durable, filter string) []string {
	return append([]string{"$JS.API.CONSUMER.CREATE." + stream + "." + durable + "." + filter}, fetch(stream, durable)...)
}

// fetch takes and acknowledges the messages of a durable.
func fetch(stream, durable string) []string {
	return []string{
		"$JS.API.CONSUMER.MSG.NEXT." + stream + "." + durable, "$JS.API.CONSUMER.INFO." + stream + "." + durable,
		"$JS.ACK." + stream + "." + durable + ".>",
	}
}

func consumeLanes(stage, version string) []string {
	all := consume(StreamAccepted, stage, version)
	for _, lane := range []string{LaneUrgent, LaneNormal} {
		all = append(all, consumeFiltered(StreamAccepted, DurableName(stage, version, lane), AcceptedFilter(lane))...)
	}
	return all
}

// look reads any message of a stream, of a replica or of its leader.
func look(stream string) []string {
	return []string{
		"$JS.API.DIRECT.GET." + stream, "$JS.API.DIRECT.GET." + stream + ".>",
		"$JS.API.STREAM.MSG.GET." + stream, "$JS.API.STREAM.INFO." + stream,
	}
}

// sizeOf says how much a stream holds, and of what subjects; it reads no message.
func sizeOf(stream string) []string { return []string{"$JS.API.STREAM.INFO." + stream} }

// watch says how far every stage is, and how much the streams hold; it reads no message.
func watch() []string {
	all := []string{"$JS.API.INFO"}
	for _, stream := range Names() {
		all = append(append(all, sizeOf(stream)...), "$JS.API.CONSUMER.LIST."+stream)
	}
	return all
}

// own publishes facts and reads them back.
func own(stream, subjects string) []string { return append([]string{subjects}, look(stream)...) }

// ledger publishes a stage's lines of the ledger and reads back those alone: see [Publisher.believe].
func ledger(stage string) []string {
	subjects := "calls.billed." + stage + ".>"
	return []string{subjects, "$JS.API.DIRECT.GET." + StreamCalls + "." + subjects}
}

// dead buries a stage's messages and reads back those letters alone: others hold what others read.
func dead(stage string) []string {
	subjects := "dead." + stage + ".>"
	return []string{subjects, "$JS.API.DIRECT.GET." + StreamDead + "." + subjects}
}

// replay reads dead letters, hands their messages to their stages once more and removes them: what the gateway's
// page does for an admin.
func replay() []string {
	return append(own(StreamRetries, "retries.asked.>"), append(look(StreamDead), "$JS.API.STREAM.MSG.DELETE."+StreamDead)...)
}

// stage is what every stage needs beside its own: the count of failed attempts, its share of RETRIES,
// the dead letters.
func stage(name, version string, more ...[]string) [][]string {
	return append(more, bucket(BucketAttempts), dead(name),
		consumeFiltered(StreamRetries, DurableName(name, version, "retries"), RetryFilter(name)))
}

// recorded is every stream that the recorder reads; its durables are named after what is in them.
func recorded(version string) [][]string {
	var all [][]string
	for stream, what := range map[string]string{
		StreamAccepted: "queries", StreamAnswers: "answers", StreamVerdicts: "verdicts", StreamLabels: "labels",
		StreamAnalyses: "analyses", StreamExamples: "examples", StreamCalls: "calls", StreamDead: "dead",
	} {
		all = append(all, consumeAs(stream, DurableName("record", version, what)), look(stream))
	}
	return all
}

// monitored is what the stages monitor and notify read.
func monitored(version string) [][]string {
	all := append(stage("monitor", version), stage("notify", version, consume(StreamAlerts, "notify", version))...)
	for stream, what := range map[string]string{
		StreamDecisions: "decisions", StreamFeedback: "feedback", StreamAlerts: "alerts", StreamTraining: "training",
	} {
		all = append(all, consumeAs(stream, DurableName("monitor", version, what)), look(stream))
	}
	return all
}

// readBucket reads a key-value bucket and watches it.
func readBucket(name string) []string {
	stream := "KV_" + name
	return append(look(stream), "$JS.API.CONSUMER.CREATE."+stream+".>", "$JS.API.CONSUMER.DELETE."+stream+".>",
		"$JS.API.CONSUMER.INFO."+stream+".>", "$JS.FC."+stream+".>")
}

// bucket reads and writes one.
func bucket(name string) []string { return append(readBucket(name), "$KV."+name+".>") }

// readObjects reads an object store.
func readObjects(name string) []string {
	stream := "OBJ_" + name
	return append(look(stream), "$JS.API.CONSUMER.CREATE."+stream+".>", "$JS.API.CONSUMER.DELETE."+stream+".>",
		"$JS.API.CONSUMER.INFO."+stream+".>", "$JS.FC."+stream+".>")
}

// objects reads and writes one, and removes what is replaced.
func objects(name string) []string {
	return append(readObjects(name), "$O."+name+".>", "$JS.API.STREAM.PURGE.OBJ_"+name)
}

// PasswordVariable is the environment variable that holds a role's password on the server.
func PasswordVariable(r Role) string { return "SLUICE_NATS_" + strings.ToUpper(string(r)) }

// WriteAuthorization writes the authorization block of a nats-server.conf: one user a role, named like
// it, whose password the server reads from its environment ([PasswordVariable]).
func WriteAuthorization(w io.Writer, version string) error {
	var b strings.Builder
	b.WriteString("# Made by: sluice streams permissions. Passwords come from the server's environment.\nauthorization {\n  users = [\n")
	for _, r := range Roles() {
		p := PermissionsOf(r, version)
		fmt.Fprintf(&b, "    {\n      user: %s, password: $%s\n      permissions: {\n", r, PasswordVariable(r))
		writeSubjects(&b, "publish", p.Publish)
		writeSubjects(&b, "subscribe", p.Subscribe)
		if p.Respond {
			b.WriteString("        allow_responses: { max: -1, expires: \"10m\" }\n")
		}
		b.WriteString("      }\n    }\n")
	}
	b.WriteString("  ]\n}\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write permissions: %w", err)
	}
	return nil
}

func writeSubjects(b *strings.Builder, what string, subjects []string) {
	subjects = slices.Clone(subjects)
	slices.Sort(subjects)
	fmt.Fprintf(b, "        %s: { allow: [\n", what)
	for _, s := range slices.Compact(subjects) {
		fmt.Fprintf(b, "          %q\n", s)
	}
	b.WriteString("        ] }\n")
}

// purse pays from a stage's purses and reads those alone: see [OpenPurse].
func purse(stage string) []string {
	subjects, stream := "$KV."+BucketBudgets+"."+purseKey(stage)+".>", "KV_"+BucketBudgets
	return []string{subjects, "$JS.API.DIRECT.GET." + stream + "." + subjects, "$JS.API.STREAM.INFO." + stream}
}
