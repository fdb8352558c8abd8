package streams

import (
	"slices"

	"sluice"
)

// Role is a part that a process plays on the log: it may do what its part needs and nothing else. The
// account's permissions enforce what the code keeps to anyway: a judge can't find out who answered
// (Invariant 3), a publisher can't read.
type Role string

// The roles.
const (
	RoleUpstream Role = "upstream" // publishes queries
	RoleIntake   Role = "intake"
	RoleAnswer   Role = "answer"
	RoleJudge    Role = "judge"
	RoleLabel    Role = "label"
	RoleAnalysis Role = "analysis"
	RoleRecord   Role = "record"
	RoleGateway  Role = "gateway"  // serves HTTP and the services over NATS
	RoleRouter   Role = "router"   // serves decisions alone, on a machine of its own
	RoleClient   Role = "client"   // asks gateways over NATS
	RoleMonitor  Role = "monitor"  // projects decisions, raises alerts
	RoleTraining Role = "training" // projects trainings
	RoleTrainer  Role = "trainer"  // watches for enough examples, makes snapshots and jobs
	RoleWorker   Role = "worker"   // trains, or launches workers; promotes
	RoleViewer   Role = "viewer"   // sees how far the stages are, and reads no message
	RoleOperator Role = "operator" // may do everything: applies streams, replays, forgets, makes keys
)

// Roles lists them all.
func Roles() []Role {
	return []Role{
		RoleUpstream, RoleIntake, RoleAnswer, RoleJudge, RoleLabel, RoleAnalysis, RoleRecord,
		RoleGateway, RoleRouter, RoleClient, RoleMonitor, RoleTraining, RoleTrainer, RoleWorker, RoleViewer, RoleOperator,
	}
}

// InboxPrefix is where replies to a role go. Each role has its own, since whoever may listen to all
// inboxes may read whatever others are answered.
func InboxPrefix(r Role) string { return "_INBOX_" + string(r) }

// Permissions are the subjects that a role may publish and subscribe to; everything else is refused.
type Permissions struct {
	Publish, Subscribe []string
	// Respond is true for services: they may answer whoever asked, on its inbox.
	Respond bool
}

// PermissionsOf lists what a role may do. version is that of the stages' durables.
func PermissionsOf(r Role, version string) Permissions {
	p := Permissions{Subscribe: []string{InboxPrefix(r) + ".>"}}
	if r == RoleOperator {
		return Permissions{Publish: []string{">"}, Subscribe: []string{">"}}
	}
	p.Publish = slices.Concat(grants(r, version)...)
	switch r {
	case RoleGateway:
		p.Subscribe, p.Respond = append(p.Subscribe, "route.>", "$SRV.>"), true
	case RoleRouter:
		p.Subscribe, p.Respond = append(p.Subscribe, "router.>", "$SRV.>"), true
	}
	return p
}

// grants are the role's permissions to publish, which on NATS are also those to read: reading is asking.
func grants(r Role, version string) [][]string {
	switch r {
	case RoleUpstream:
		return [][]string{{"queries.asked.>"}}
	case RoleIntake:
		return stage("intake", version, consume(StreamQueries, "intake", version), own(StreamAccepted, "queries.accepted.>"),
			own(StreamRetries, RetryFilter("answer"))) // what is asked anew
	case RoleAnswer:
		return stage("answer", version,
			consumeLanes("answer", version), own(StreamAnswers, "answers.said.>"), ledger("answer"), purse("answer"), bucket(BucketArms))
	case RoleJudge:
		return stage("judge", version,
			consume(StreamAnswers, "judge", version), own(StreamVerdicts, "verdicts.given.>"), ledger("judge"), purse("judge"))
	case RoleLabel:
		return stage("label", version,
			consume(StreamVerdicts, "label", version), look(StreamVerdicts), own(StreamLabels, "labels.drawn.>"), bucket(BucketArms))
	case RoleAnalysis:
		return stage("analysis", version, consume(StreamLabels, "analysis", version),
			own(StreamAnalyses, "analyses.made.>"), own(StreamExamples, "examples.made.>"), ledger("analysis"), purse("analysis"))
	case RoleRecord:
		return stage("record", version, recorded(version)...)
	case RoleTraining:
		return stage("training", version,
			consumeAs(StreamJobs, DurableName("training", version, "jobs")), look(StreamJobs),
			consumeAs(StreamTraining, DurableName("training", version, "events")), look(StreamTraining))
	}
	return onlineGrants(r, version)
}

// onlineGrants are the grants of the parts that are no stages of the offline ring.
func onlineGrants(r Role, version string) [][]string {
	switch r {
	case RoleGateway:
		return [][]string{
			own(StreamDecisions, "decisions.taken.>"), own(StreamFeedback, "feedback.given.>"), own(StreamAlerts, "alerts.raised.>"),
			ledger(sluice.StageGateway), // that an older version left in a spool: the monitor enters what decisions bring
			bucket(BucketBudgets), bucket(BucketReplies), readBucket(BucketKeys), bucket(BucketRouters), readObjects(ObjectStoreArtifacts),
			{"router.>"},
			watch(), replay(), own(StreamTraining, "training.told.>"), // the last three for its page
		}
	case RoleRouter:
		return [][]string{bucket(BucketRouters), readObjects(ObjectStoreArtifacts)}
	case RoleClient:
		return [][]string{{"route.>", "$SRV.>"}}
	case RoleMonitor:
		return append(monitored(version), watch(), own(StreamAlerts, "alerts.raised.>"), own(StreamFeedback, "feedback.given.>"),
			ledger(sluice.StageGateway), []string{"queries.asked.>"})
	case RoleTrainer:
		return [][]string{
			own(StreamJobs, "jobs.asked.>"), own(StreamTraining, "training.told.>"),
			bucket(BucketTraining), readBucket(BucketRouters), objects(ObjectStoreArtifacts), sizeOf(StreamExamples), look(StreamAlerts),
		}
	case RoleWorker:
		return [][]string{
			consumeAs(StreamJobs, DurableTrain), look(StreamJobs), own(StreamTraining, "training.told.>"),
			bucket(BucketTraining), bucket(BucketRouters), objects(ObjectStoreArtifacts),
		}
	case RoleViewer:
		return [][]string{watch()}
	}
	return nil
}
