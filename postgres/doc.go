// Package postgres is everything that knows Postgres: where a server comes from, the private cluster,
// connections, migrations, the recorder's writers and the queries behind summary and status.
//
// A URL, or nothing at all, enters and a [Cluster] leaves; batches of facts (sluice.Facts) enter and rows
// leave. It alone imports pgx. It never reads the log, never decides what happens to a message, and writes
// product tables only through [Recorder]; the registry of policies and matrices and the erasure of a
// query are the two exceptions, and each is one function.
package postgres
