// Package registry keeps trained routers, and says which of them decides.
//
// A directory with a manifest.json enters and becomes one immutable object of the log's object store, under
// its digest; pointers in a key-value bucket name the version that is active, those that tenants are pinned
// to, the canary with its share, and the shadow. Whoever serves gets opened routers from [Live], which
// watches the pointers: an artifact that is missing, torn or corrupt is refused with a reason, and what was
// served before goes on serving. Every change of a pointer is one compare-and-set, and a fact on TRAINING.
package registry
