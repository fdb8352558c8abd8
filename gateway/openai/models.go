package openai

import (
	"encoding/json"
	"net/http"

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
	return web.Model(w, r, h.p.Names(), modelOf)
}
