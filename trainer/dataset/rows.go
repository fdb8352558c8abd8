package dataset

import (
	"hash/fnv"

	"sluice"
	"sluice/routing"
)

// SFTRow is one line for supervised fine-tuning.
type SFTRow struct {
	Prompt     string `json:"prompt"`
	Completion string `json:"completion"`
}

// DPORow is one line for direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290).
type DPORow struct {
	Prompt   string `json:"prompt"`
	Chosen   string `json:"chosen"`
	Rejected string `json:"rejected"`
}

// SFT lays a row out: the prompt, and the reasoning that leads to the row's policy.
func SFT(p routing.Prompt, r Row) SFTRow {
	return SFTRow{Prompt: p.Text(r.Text), Completion: p.Completion(r.Reasoning(), r.Policy)}
}

// DPO lays a row out: the completion of [SFT] against one that argues for a wrong policy.
func DPO(p routing.Prompt, r Row, specs []sluice.PolicySpec) DPORow {
	wrong := Wrong(r, specs)
	return DPORow{
		Prompt: p.Text(r.Text), Chosen: p.Completion(r.Reasoning(), r.Policy),
		Rejected: p.Completion(r.Rejected(wrong), wrong),
	}
}

// Described says whether somebody described the query, so that there is something to reason from.
func (r Row) Described() bool { return r.Analysis != (sluice.Analysis{}) }

// Reasoning leads to the row's policy; empty where the query is not described.
func (r Row) Reasoning() string {
	if !r.Described() {
		return ""
	}
	return routing.Reasoning(r.Analysis, r.Policy)
}

// Rejected leads to a wrong policy.
func (r Row) Rejected(wrong sluice.Policy) string {
	if !r.Described() {
		return ""
	}
	return routing.Rejected(r.Analysis, wrong)
}

// Wrong is the policy that a row's rejected completion argues for: one of the others, drawn by the row's id.
// Standard and Complex are each other's wrong policy three times out of four, since it is between them that a
// wrong decision costs most.
func Wrong(r Row, specs []sluice.PolicySpec) sluice.Policy {
	h := fnv.New64a()
	_, _ = h.Write([]byte(r.ID)) // a hash takes everything
	draw := h.Sum64() >> 8
	opposite := map[sluice.Policy]sluice.Policy{sluice.Standard: sluice.Complex, sluice.Complex: sluice.Standard}[r.Policy]
	var others []sluice.Policy
	for _, s := range specs {
		switch s.Name {
		case r.Policy:
		case opposite:
			if draw%4 != 0 {
				return opposite
			}
		default:
			others = append(others, s.Name)
		}
	}
	if len(others) == 0 {
		return opposite
	}
	return others[draw/4%uint64(len(others))]
}
