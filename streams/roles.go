package streams

import "slices"

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
	RoleMonitor  Role = "monitor"  // projects decisions, raises alerts
	RoleTrainer  Role = "trainer"  // watches for enough examples, makes snapshots and jobs, promotes
	RoleWorker   Role = "worker"   // trains
	RoleOperator Role = "operator" // may do everything: applies streams, replays, forgets, makes keys
)

// Roles lists them all.
func Roles() []Role {
	return []Role{
		RoleUpstream, RoleIntake, RoleAnswer, RoleJudge, RoleLabel, RoleAnalysis, RoleRecord,
		RoleGateway, RoleRouter, RoleMonitor, RoleTrainer, RoleWorker, RoleOperator,
	}
}

// KnownRole says whether there is such a role.
func KnownRole(r Role) bool { return slices.Contains(Roles(), r) }

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
	if r == RoleGateway || r == RoleRouter {
		p.Subscribe = append(p.Subscribe, "route.>", "$SRV.>")
		p.Respond = true
	}
	return p
}

// grants are the role's permissions to publish, which on NATS are also those to read: reading is asking.
func grants(r Role, version string) [][]string {
	switch r {
	case RoleUpstream:
		return [][]string{{"queries.asked.>"}}
	case RoleIntake:
		return stage("intake", version, consume(StreamQueries, "intake", version), own(StreamAccepted, "queries.accepted.>"))
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
	}
	return append(onlineGrants(r, version), dead(string(r)))
}

// onlineGrants are the grants of the parts that are no stages of the offline ring.
func onlineGrants(r Role, version string) [][]string {
	switch r {
	case RoleGateway:
		return [][]string{
			own(StreamDecisions, "decisions.taken.>"), own(StreamFeedback, "feedback.given.>"), own(StreamAlerts, "alerts.raised.>"),
			ledger("gateway"), bucket(BucketBudgets), readBucket(BucketKeys), bucket(BucketRouters), readObjects(ObjectStoreArtifacts),
			{"route.>", "$SRV.>"},
		}
	case RoleRouter:
		return [][]string{readBucket(BucketRouters), readObjects(ObjectStoreArtifacts)}
	case RoleMonitor:
		var g [][]string
		for _, s := range []string{StreamDecisions, StreamFeedback, StreamAlerts, StreamTraining} {
			g = append(g, consumeAs(s, "*"), look(s))
		}
		g = append(g, own(StreamAlerts, "alerts.raised.>"), own(StreamFeedback, "feedback.given.>"), own(StreamJobs, "jobs.asked.>"),
			[]string{"queries.asked.>"}, readBucket(BucketBudgets), bucket(BucketRouters), look(StreamVerdicts), look(StreamLabels))
		return append(g, stage("monitor", version)...)
	case RoleTrainer:
		return [][]string{
			own(StreamJobs, "jobs.asked.>"), own(StreamTraining, "training.told.>"), consumeAs(StreamTraining, "*"),
			bucket(BucketTraining), bucket(BucketRouters), objects(ObjectStoreArtifacts), look(StreamJobs), look(StreamTraining),
			look(StreamExamples), look(StreamAlerts),
		}
	case RoleWorker:
		return [][]string{
			consumeAs(StreamJobs, "*"), look(StreamJobs), own(StreamTraining, "training.told.>"), look(StreamTraining),
			bucket(BucketTraining), bucket(BucketRouters), objects(ObjectStoreArtifacts),
		}
	}
	return nil
}
