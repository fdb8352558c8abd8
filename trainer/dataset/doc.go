// Package dataset turns oracle examples into what a router is trained on.
//
// Examples of the train split enter; rows {prompt, completion} for SFT and {prompt, chosen, rejected} for DPO
// leave, as values for a recipe or as JSON lines with a card for people who train elsewhere. A [Set] holds
// train rows alone and personal data nowhere: an example of the test split is refused (Invariant 4), and
// texts are masked as they come in. No type of this package has room for an answer, a verdict or a ground
// truth, and completions are made of closed lists of words.
package dataset
