// Package evaluation measures routers on graded examples: what share of the large model's advantage
// a router recovers, at what share of calls and dollars, with what certainty, beside controls that
// any router must beat.
//
// Graded [Sample] rows and a [Router] enter; a [Result] of metrics with bootstrap intervals leaves.
// A router is fitted on training rows alone and scored on rows that it has never seen; nothing here
// shows it a grade, an answer or a ground truth of the row that it is scoring. The package calls no
// model and opens no connection.
package evaluation
