package openai

import (
	"encoding/json"
	"net/http"
	"slices"

	"sluice/gateway"
	"sluice/gateway/web"
)

type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func modelOf(name string) model {
	m := model{ID: name, Object: "model", OwnedBy: "provider"}
	if name == gateway.Auto {
		m.OwnedBy = "sluice"
	}
	return m
}

func (h handler) models(w http.ResponseWriter, _ *web.Request) *gateway.Fault {
	list := struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{Object: "list"}
	for _, name := range h.p.Names() {
		list.Data = append(list.Data, modelOf(name))
	}
	body, _ := json.Marshal(list) // strings alone
	web.WriteJSON(w, body)
	return nil
}

func (h handler) model(w http.ResponseWriter, r *web.Request) *gateway.Fault {
	name := r.PathValue("model")
	if !slices.Contains(h.p.Names(), name) {
		return &gateway.Fault{Kind: gateway.NotFound, Param: "model", Message: "is not served here"}
	}
	body, _ := json.Marshal(modelOf(name)) // strings alone
	web.WriteJSON(w, body)
	return nil
}
