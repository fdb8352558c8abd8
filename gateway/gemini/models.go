package gemini

import (
	"encoding/json"
	"net/http"

	"sluice/gateway"
	"sluice/gateway/web"
)

type model struct {
	Name    string   `json:"name"`
	Display string   `json:"displayName"`
	Methods []string `json:"supportedGenerationMethods"`
}

func modelOf(name string) model {
	return model{Name: "models/" + name, Display: name, Methods: []string{"generateContent", "streamGenerateContent"}}
}

func (h handler) models(w http.ResponseWriter, _ *web.Request) *gateway.Fault {
	list := struct {
		Models []model `json:"models"`
	}{}
	for _, name := range h.p.Names() {
		list.Models = append(list.Models, modelOf(name))
	}
	body, _ := json.Marshal(list) // strings alone
	web.WriteJSON(w, body)
	return nil
}

func (h handler) model(w http.ResponseWriter, r *web.Request) *gateway.Fault {
	return web.Model(w, r, h.p.Names(), modelOf)
}
