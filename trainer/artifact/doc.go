// Package artifact is a trained router at rest: a directory whose manifest.json says what it is, and the
// files of its kind beside it.
//
// A directory that a recipe has filled is sealed: the digest of every file goes into the manifest, and the
// version is a function of them. [Open] reads the manifest, checks every digest and makes a routing.Router of
// what is there; a directory that is incomplete, altered or of an unknown kind is refused with the reason.
// The package moves nothing about and knows no store: that is the registry's.
package artifact
